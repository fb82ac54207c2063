// Folders of segments that somebody made to harm whoever looks into them: each verb says what is wrong and ends.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <limits>

#include "proto/trace.hpp"
#include "tests/unit/ofctl/support.hpp"

using namespace of;
using namespace of::test;

namespace {

void overwrite(const std::string& path, uint64_t offset, const void* bytes, size_t size) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
    REQUIRE(file.good());
}
void overwrite_word(const std::string& path, uint64_t offset, uint64_t value) {
    overwrite(path, offset, &value, sizeof value);
}

/// Ends with a code of OFCTL.md (not of a signal or a time limit), and without a sanitizer's finding.
Output run_bounded(const std::string& arguments) {
    const auto output = run_ofctl(arguments, "timeout -s KILL 20 ");
    INFO(arguments << "\n" << output.text.substr(0, 2000));
    REQUIRE(output.exit_code <= code(ExitCode::mismatch));
    REQUIRE(output.text.find("Sanitizer") == std::string::npos);
    REQUIRE(output.text.find("runtime error:") == std::string::npos);
    return output;
}

}  // namespace

TEST_CASE("a page under the name of another kind of page is told, and is not read as what it is not") {
    Instance instance;
    instance.control().instance.supervisor_pid.store(4'000'000);  // read as a book, this is its number of symbols
    const auto id = CorrelationId::make(binance_id, 3, 1);
    auto hops = instance.publisher<64>(ChannelKind::trace, binance_id);
    hops.claim();
    hops.message<TraceHop>(MessageType::trace_hop, id) = {.header = {.type = MessageType::trace_hop, .correlation = id},
                                                          .hop = Hop::published};
    hops.commit();
    publish_trades(instance, 1);
    const auto folder = copy_of(instance);
    const auto file = [&](const char* channel) { return folder + "/" + instance.name() + "." + channel; };
    std::filesystem::copy_file(file("control"), file("book.0"), std::filesystem::copy_options::overwrite_existing);
    const auto verified = run_bounded(fmt::format("--from {} shm verify book.0", folder));
    REQUIRE(verified.exit_code == 8);
    run_bounded(fmt::format("--from {} shm verify", folder));
    run_bounded(fmt::format("--from {} shm tail market.0", folder));
    std::filesystem::resize_file(file("book.0"), shm::body_offset);
    overwrite_word(file("book.0"), offsetof(shm::SegmentHeader, total_bytes), shm::body_offset);
    run_bounded(fmt::format("--from {} trace binance-3-0000000001", folder));
}

TEST_CASE("a log ring in which every word is ahead of its position does not hold up logs") {
    const Instance instance;
    const auto folder = copy_of(instance);
    const auto path = folder + "/" + instance.name() + ".log.storage";
    const auto ring = must(shm::Segment::inspect(path));
    for (uint64_t slot = 0; slot < ring.header().slots; ++slot)
        overwrite_word(path, shm::body_offset + sizeof(shm::RingLines) + slot * 256, uint64_t{1} << 62);
    run_bounded(fmt::format("--from {} logs --worker storage", folder));
}

TEST_CASE("times at the ends of their range give no undefined age") {
    const Instance instance;
    for (const auto process : {storage_id, binance_id}) {
        instance.stand_in(process);
        instance.slot(process).own.heartbeat_ns.store(std::numeric_limits<int64_t>::min());
        instance.slot(process).desk.spawn_ns.store(std::numeric_limits<int64_t>::min());
    }
    run_bounded(fmt::format("--instance {} status", instance.name()));
    run_bounded(fmt::format("--instance {} --json status", instance.name()));
}

TEST_CASE("a pipe and a folder and a ring larger than any that can be configured are refused") {
    const Instance instance;
    const auto folder = copy_of(instance);
    const auto path = folder + "/" + instance.name() + ".market.0";
    SECTION("pipe") {
        std::filesystem::remove(path);
        REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    }
    SECTION("folder") {
        std::filesystem::remove(path);
        REQUIRE(std::filesystem::create_directory(path));
    }
    SECTION("a file with a hole of a terabyte") {
        const uint64_t slots = uint64_t{1} << 33;
        const auto bytes = shm::body_offset + sizeof(shm::RingLines) + slots * 128;
        overwrite_word(path, offsetof(shm::SegmentHeader, slots), slots);
        overwrite_word(path, offsetof(shm::SegmentHeader, total_bytes), bytes);
        std::error_code error;
        std::filesystem::resize_file(path, bytes, error);
        if (error) return;  // a file system that cannot hold it cannot harm with it
    }
    for (const auto* verb : {"shm ls", "shm verify", "shm dump market.0", "shm tail market.0", "shm hz"})
        run_bounded(fmt::format("--from {} {}", folder, verb));
}

TEST_CASE("what lies in a segment cannot command the terminal that shows it") {
    const Instance instance;
    const auto folder = copy_of(instance);
    const auto path = folder + "/" + instance.name() + ".control";
    const char name[24] = "\x1b]0;owned\x07\nstorage: ok";
    overwrite(path, shm::body_offset + offsetof(shm::ControlPage, processes) + sizeof(shm::ProcessSlot), name,
              sizeof name);
    for (const auto* verb : {"shm verify", "status", "health"}) {
        const auto output = run_bounded(fmt::format("--from {} {}", folder, verb));
        INFO(output.text);
        REQUIRE(output.text.find('\x1b') == std::string::npos);
        REQUIRE(output.text.find("\nstorage: ok") == std::string::npos);
    }
}
