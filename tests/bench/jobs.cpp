#include "tests/bench/jobs.hpp"

#include <simdjson.h>

#include "tests/bench/peers.hpp"
#include "tests/bench/roudi.hpp"

namespace of::bench {
namespace {

/// Enough messages for some 50 ms of the transport's usual pace.
constexpr uint64_t fast = 3'000'000;
constexpr uint64_t medium = 300'000;
constexpr uint64_t slow = 60'000;
constexpr uint64_t fast_trips = 40'000;
constexpr uint64_t slow_trips = 4'000;

template <typename Transport>
Job job(std::string key, bool ours, uint64_t messages, uint64_t trips, const JobOptions& options) {
    const Amount amount{static_cast<uint64_t>(static_cast<double>(messages) * options.effort) / 64 * 64,
                        static_cast<uint64_t>(static_cast<double>(trips) * options.effort)};
    return {std::move(key), Transport::name, ours, Transport::payload + 8,
            [amount] { return measure<Transport>(amount); }};
}

/// A fixed floor on both sides, since Node cannot be bracketed from inside.
Sample node_sample(const JobOptions& options) {
    const auto messages = static_cast<uint64_t>(100'000 * options.effort);
    const auto trips = static_cast<uint64_t>(slow_trips * options.effort);
    auto sample = measure<OurQueue<64>>({.messages = fast, .round_trips = 1000});
    const auto command = fmt::format("'{}' '{}' {} {} 7", options.node, options.script, messages, trips);
    auto* pipe = popen(command.c_str(), "re");
    if (pipe == nullptr) throw std::runtime_error("node could not be started");
    std::string output;
    std::array<char, 512> buffer{};
    while (const auto bytes = fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), bytes);
    if (pclose(pipe) != 0) throw std::runtime_error("node failed: " + output);
    simdjson::dom::parser parser;
    const auto answer = parser.parse(output);
    const auto number = [&](const char* name) { return double(answer[name].get_double().value()); };
    sample.messages_per_second = number("messages_per_second");
    sample.round_trip = {number("p50"), number("p99"), number("p999"), number("max")};
    return sample;
}

}  // namespace

std::vector<Job> ring_jobs(const JobOptions& options) {
    std::vector<Job> jobs;
    const auto ours = [&]<typename Transport>(std::string key) {
        jobs.push_back(job<Transport>(std::move(key), true, fast, fast_trips, options));
    };
    jobs.push_back(job<StoreRuns<1>>("runs 1", true, fast, 0, options));
    jobs.push_back(job<StoreRuns<2>>("runs 2", true, fast, 0, options));
    jobs.push_back(job<StoreRuns<3>>("runs 3", true, fast, 0, options));
    jobs.push_back(job<StoreRuns<4>>("runs 4", true, fast, 0, options));
    ours.operator()<OurQueue<64>>("queue 64");
    ours.operator()<OurQueue<128>>("queue 128");
    ours.operator()<OurQueue<256>>("queue 256");
    ours.operator()<OurBatches<256>>("batch 256");
    ours.operator()<OurBroadcast<64>>("broadcast 64");
    ours.operator()<OurQueueWithBell<64>>("bell 64");
    ours.operator()<OurQueue<128>>("bare 128");
    ours.operator()<OurFull<128>>("full 128");
    jobs.push_back(job<BoostSpscQueue<64>>("boost 64", false, fast, fast_trips, options));
#ifdef OF_BENCH_ATOMIC_QUEUE
    jobs.push_back(job<AtomicQueue<64>>("atomic_queue 64", false, fast, fast_trips, options));
#endif
    jobs.push_back(job<BoostMessageQueue<64>>("message_queue 64", false, medium, slow_trips, options));
    jobs.push_back(job<Pipe<64>>("pipe 64", false, medium, slow_trips, options));
    jobs.push_back(job<UnixSocket<64>>("socket 64", false, medium, slow_trips, options));
#ifdef OF_BENCH_ZEROMQ
    jobs.push_back(job<ZeroMq<64>>("zeromq 64", false, medium, slow_trips, options));
#endif
#ifdef OF_BENCH_ICEORYX
    if (Roudi::start()) jobs.push_back(job<Iceoryx<64>>("iceoryx 64", false, slow, slow_trips, options));
#endif
    if (!options.node.empty())
        jobs.push_back({"node 64", "Node postMessage", false, 64, [options] { return node_sample(options); }});
    return jobs;
}

std::vector<std::string> absent_peers(const JobOptions& options) {
    std::vector<std::string> absent;
#ifndef OF_BENCH_ATOMIC_QUEUE
    absent.emplace_back("atomic_queue (its header was not there at build time)");
#endif
#ifndef OF_BENCH_ZEROMQ
    absent.emplace_back("ZeroMQ (libzmq3-dev was not there at build time)");
#endif
#ifdef OF_BENCH_ICEORYX
    if (!Roudi::start()) absent.emplace_back("iceoryx (iox-roudi does not run)");
#else
    absent.emplace_back("iceoryx (libiceoryx-posh-dev was not there at build time)");
#endif
    if (options.node.empty()) absent.emplace_back("Node (node is not in PATH)");
    return absent;
}

}  // namespace of::bench
