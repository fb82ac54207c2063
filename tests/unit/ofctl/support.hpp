// Running the real ofctl, and segments for it to look into.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/support/instance.hpp"

namespace of::test {

struct Output {
    int exit_code;
    std::string text;  ///< stdout and stderr
};

/// Whether it printed this.
inline bool has(const Output& output, std::string_view part) { return output.text.find(part) != std::string::npos; }

/// `before` stands in front of the program: "timeout 20 ".
inline Output run_ofctl(const std::string& arguments, const std::string& before = "") {
    const auto command = before + program("supervisor/ofctl/ofctl") + " " + arguments + " 2>&1 </dev/null";
    auto* pipe = popen(command.c_str(), "re");
    REQUIRE(pipe != nullptr);
    Output output{};
    char buffer[4096];
    while (const auto bytes = fread(buffer, 1, sizeof buffer, pipe)) output.text.append(buffer, bytes);
    const int status = pclose(pipe);
    REQUIRE(WIFEXITED(status));
    output.exit_code = WEXITSTATUS(status);
    return output;
}

inline void publish_trades(const Instance& instance, int64_t count) {
    for (const auto& channel : channels_of(instance.processes())) {
        if (channel.wire->kind != ChannelKind::market) continue;
        Publisher<128> ring(must(shm::Segment::open(spec_of(instance.name(), channel), shm::Access::read_write)),
                            binance_id, {});
        for (int64_t id = 1; id <= count; ++id) {
            ring.claim();
            auto& trade =
                ring.message<Trade>(MessageType::trade, CorrelationId::make(binance_id, 3, static_cast<uint64_t>(id)));
            trade.id = id;
            trade.price = 6'183'763'000'000;
            trade.quantity = 2'000'000;
            trade.event_ns = trade.trade_ns = trade.receive_ns = 1'723'161'255'343'000'000;
            ring.commit();
        }
    }
}

/// A folder with copies of the instance's segments; it goes with the instance.
inline std::string copy_of(const Instance& instance) {
    const auto folder = instance.folder() + "/copied";
    std::filesystem::create_directory(folder);
    for (const auto& name : shm::list_segments(instance.name()))
        std::filesystem::copy_file("/dev/shm/" + name, folder + "/" + name);
    return folder;
}

inline void flip_bit(const std::string& path, uint64_t offset, unsigned bit) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(offset));
    const auto byte = static_cast<char>(file.get() ^ (1 << bit));
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
}

inline size_t widest_line(const std::string& text) {
    std::istringstream lines(text);
    size_t widest = 0;
    for (std::string line; std::getline(lines, line);) widest = std::max(widest, line.size());
    return widest;
}

}  // namespace of::test
