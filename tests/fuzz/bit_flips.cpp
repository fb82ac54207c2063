// Bits flipped, and hostile values written, in segments of every kind: through all readers of the library, and through
// the real ofctl on a copied folder. Nothing may crash, hang, or end with an exit code that OFCTL.md does not have.
// Each byte of each header is changed as well, and must be seen.
//
//   bit-flips [--seed S] [--flips N] [--runs N]       the seed is printed, and repeats a run
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <random>

#include "proto/market.hpp"
#include "proto/trace.hpp"
#include "tests/fuzz/readers.hpp"
#include "tests/support/instance.hpp"

namespace {

using namespace of;
using Random = std::mt19937_64;

struct RunOptions {
    uint64_t seed = std::random_device{}();
    uint64_t flips = 10'000;
    uint64_t runs = 240;  ///< of ofctl
};

/// A file with damage that can be taken back.
class Damaged {
  public:
    explicit Damaged(std::string path)
        : path_(std::move(path)),
          descriptor_(open(path_.c_str(), O_RDWR | O_CLOEXEC)),
          bytes_(std::filesystem::file_size(path_)) {
        if (descriptor_ < 0) throw std::runtime_error(path_ + " cannot be opened");
    }
    /// This byte alone.
    Damaged(const std::string& path, uint64_t at, unsigned char difference) : Damaged(path) {
        const auto word = at / 8 * 8;
        change(word, get(word) ^ uint64_t{difference} << 8 * (at - word));
    }
    ~Damaged() {
        for (auto old = before_.rbegin(); old != before_.rend(); ++old) put(old->first, old->second);
        close(descriptor_);
    }
    Damaged(const Damaged&) = delete;

    /// One bit anywhere, or (every other time) in front of the slots; now and then a whole word of an extreme value.
    void harm(Random& random) {
        constexpr uint64_t front = shm::body_offset + sizeof(shm::RingLines);
        constexpr std::array<uint64_t, 6> extremes{0, 1, UINT64_MAX, UINT64_MAX >> 1, uint64_t{1} << 63, 0xffff'ffff};
        const auto at = random() % (random() % 2 == 0 ? front : bytes_);
        const auto word = at / 8 * 8;
        auto value = get(word);
        if (random() % 8 == 0) {
            value = extremes[random() % extremes.size()];
        } else {
            value ^= uint64_t{1} << random() % 64;
        }
        change(word, value);
    }
    const std::string& told() const { return told_; }

  private:
    void change(uint64_t word, uint64_t value) {
        before_.emplace_back(word, get(word));
        put(word, value);
        told_ += fmt::format(" {}={:#x}", word, value);
    }
    uint64_t get(uint64_t at) const {
        uint64_t value = 0;
        [[maybe_unused]] const auto size = pread(descriptor_, &value, sizeof value, static_cast<off_t>(at));
        return value;
    }
    void put(uint64_t at, uint64_t value) const {
        const auto size = std::min<uint64_t>(sizeof value, bytes_ - at);
        [[maybe_unused]] const auto done = pwrite(descriptor_, &value, size, static_cast<off_t>(at));
    }

    std::string path_;
    int descriptor_;
    uint64_t bytes_;
    std::vector<std::pair<uint64_t, uint64_t>> before_;
    std::string told_;
};

void see_every_header_byte(const std::vector<std::string>& paths, Random& random) {
    for (const auto& path : paths) {
        for (uint64_t at = 0; at < shm::header_bytes; ++at) {
            const Damaged file(path, at, static_cast<unsigned char>(1 + random() % 255));
            if (!fuzz::read_all(path)) throw std::runtime_error(fmt::format("{}: nobody sees{}", path, file.told()));
        }
    }
    fmt::print("ok 2 - each byte of a header that is changed is seen, in {} segments\n", paths.size());
}

/// The library: a crash ends this process, and the sanitizer or the core tells the rest.
void flip_through_library(const std::string& folder, const RunOptions& options, Random& random) {
    std::vector<std::string> paths;
    for (const auto& bytes : fuzz::good_segments()) {
        paths.push_back(fmt::format("{}/segment-{}", folder, paths.size()));
        std::ofstream(paths.back(), std::ios::binary) << bytes;
        if (fuzz::read_all(paths.back())) throw std::runtime_error(paths.back() + " is not sound to begin with");
    }
    uint64_t seen = 0;
    for (uint64_t flip = 0; flip < options.flips; ++flip) {
        const auto& path = paths[random() % paths.size()];
        Damaged file(path);
        file.harm(random);
        seen += fuzz::read_all(path) ? 1 : 0;
    }
    for (const auto& path : paths) {
        if (fuzz::read_all(path)) throw std::runtime_error(path + " is not sound after all was taken back");
    }
    fmt::print("ok 1 - {} damaged segments crash no reader\n# verify saw {} of them\n", options.flips, seen);
    see_every_header_byte(paths, random);
}

/// Messages in the market and trace rings, so that there is something to decode.
void fill(test::Instance& instance) {
    auto market = instance.publisher<128>(ChannelKind::market, test::binance_id);
    auto trace = instance.publisher<64>(ChannelKind::trace, test::binance_id);
    for (uint64_t n = 1; n <= 100; ++n) {
        market.claim();
        auto& trade = market.message<Trade>(MessageType::trade, CorrelationId::make(test::binance_id, 1, n));
        trade = {.header = trade.header, .id = static_cast<int64_t>(n), .price = 100, .quantity = 100};
        market.commit();
        trace.claim();
        auto& hop = trace.message<TraceHop>(MessageType::trace_hop, CorrelationId::make(test::binance_id, 1, n));
        hop = {.header = hop.header, .hop = Hop::published};
        trace.commit();
    }
}

/// What ofctl ends with, or a sentence in `fault`.
int run_ofctl(const std::string& folder, const std::vector<std::string>& verb, std::string& fault) {
    std::vector<std::string> argv{test::program("supervisor/ofctl/ofctl"), "--from", folder};
    argv.insert(argv.end(), verb.begin(), verb.end());
    test::Child child(argv, folder + ".out");
    if (!test::wait_until([&] { return child.ended(); })) {
        fault = "does not end";
        return -1;
    }
    const auto output = child.output();
    for (const auto* word : {"Sanitizer", "runtime error:", "terminate called"}) {
        if (output.find(word) != std::string::npos) fault = output;
    }
    const auto exit_code = child.wait();
    if (fault.empty() && (exit_code < 0 || exit_code > code(ExitCode::mismatch)))
        fault = fmt::format("ended with {}: {}", exit_code, output);
    return exit_code;
}

void flip_through_ofctl(const std::string& folder, const std::string& instance, const RunOptions& options,
                        Random& random) {
    const auto names = shm::list_segments(instance);
    std::array<uint64_t, 10> codes{};
    for (uint64_t run = 0; run < options.runs; ++run) {
        const auto& name = names[random() % names.size()];
        const auto channel = name.substr(instance.size() + 1);
        Damaged file(folder + "/" + name);
        for (auto times = 1 + random() % 3; times > 0; --times) file.harm(random);
        const std::vector<std::string> verbs[] = {{"shm", "verify"},        {"shm", "verify", channel},
                                                  {"shm", "dump", channel}, {"--json", "shm", "dump", channel, "--hex"},
                                                  {"shm", "tail", channel}, {"shm", "ls"}};
        const auto& verb = verbs[run % std::size(verbs)];
        std::string fault;
        const auto exit_code = run_ofctl(folder, verb, fault);
        if (!fault.empty())
            throw std::runtime_error(
                fmt::format("ofctl {} on {} with{}: {}", fmt::join(verb, " "), name, file.told(), fault));
        ++codes[static_cast<size_t>(exit_code)];
    }
    fmt::print("ok 3 - ofctl reads {} damaged folders and ends as documented\n# exit codes 0 to 9: {}\n", options.runs,
               fmt::join(codes, " "));
}

RunOptions parse(int argc, char** argv) {
    RunOptions options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string option = argv[i];
        const auto value = std::strtoull(argv[i + 1], nullptr, 10);
        if (option == "--seed") options.seed = value;
        if (option == "--flips") options.flips = value;
        if (option == "--runs") options.runs = value;
    }
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = parse(argc, argv);
    fmt::print("1..3\n# --seed {}\n", options.seed);
    std::fflush(stdout);
    Random random(options.seed);
    try {
        test::Instance instance({.market_slots = 64, .log_slots = 64, .trace_slots = 64});
        flip_through_library(instance.folder(), options, random);
        fill(instance);
        const auto copies = instance.folder() + "/copied";
        std::filesystem::create_directory(copies);
        for (const auto& name : shm::list_segments(instance.name()))
            std::filesystem::copy_file("/dev/shm/" + name, copies + "/" + name);
        flip_through_ofctl(copies, instance.name(), options, random);
    } catch (const std::exception& error) {
        fmt::print("not ok - {}\n", error.what());
        return 1;
    }
}
