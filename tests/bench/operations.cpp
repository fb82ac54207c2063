#include "tests/bench/operations.hpp"

#include <fmt/format.h>

#include "proto/text.hpp"
#include "shm/breaker.hpp"
#include "tests/bench/ours.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/metrics.hpp"
#include "workers/runtime/trace.hpp"

namespace of::bench {
namespace {

constexpr ProcessId self{ProcessKind::binance, 0};

shm::Segment metrics_segment() {
    auto spec =
        shm::make_spec(fmt::format("bench-{}", getpid()), "metrics.bench", shm::SegmentKind::page, "metrics", 0, 0, "");
    auto created = shm::Segment::create(spec);
    if (!created) throw std::runtime_error(created.error().message);
    shm::remove_segment(spec.name());
    return std::move(*created);
}

template <uint32_t slot_bytes>
Publisher<slot_bytes> ring() {
    return {bench_segment(shm::SegmentKind::broadcast, slot_bytes, 4096), self, {}};
}

/// Keeps the compiler from leaving `value` out.
template <typename T>
void keep(const T& value) {
    asm volatile("" : : "g"(value) : "memory");
}

template <typename Operation>
OperationCost cost(std::string name, double aim_ns, size_t blocks, Operation operation) {
    std::vector<uint64_t> ticks;
    ticks.reserve(blocks);
    for (size_t block = 0; block < blocks; ++block) {
        const auto start = now_ticks();
        for (int i = 0; i < operations_in_block; ++i) operation();
        ticks.push_back(now_ticks() - start);
    }
    auto all = detail::quantiles_of(ticks);
    for (auto* figure : {&all.p50, &all.p99, &all.p999, &all.max, &all.middle}) *figure /= operations_in_block;
    return {std::move(name), aim_ns, all};
}

}  // namespace

std::vector<OperationCost> measure_operations(size_t blocks) {
    CorrelationSource correlations(self, 1);
    Metrics metrics(metrics_segment(), correlations);
    auto counter = metrics.counter("sent_total", "Messages sent");
    auto histogram = metrics.histogram("wait_ns", "ns", "Waiting");
    Trace trace(ring<64>(), 1'000'000'007);
    Log log(ring<256>());
    std::vector<OperationCost> costs;
    costs.push_back(cost("counter update, batches included", 5, blocks, [&] { counter.add(); }));
    int64_t value = 1;
    costs.push_back(cost("histogram update, batches included", 0, blocks, [&] {
        histogram.record(value);
        value = value * 7 % 1'000'003;
    }));
    const auto record = std::make_unique<shm::BreakerRecord>();
    shm::Breaker breaker(*record, {});
    costs.push_back(cost("breaker, allow() when closed", 5, blocks,
                         [&] { keep(breaker.allow([] { return mono_ns(); }).allowed); }));
    auto id = correlations.next();
    costs.push_back(cost("trace, not sampled", 2, blocks, [&] {
        id = CorrelationId{id.value + 1};
        keep(trace.sampled(id));
    }));
    costs.push_back(cost("trace, one hop", 0, blocks, [&] { trace.hop(id, Hop::received, 1, 2, 3); }));
    costs.push_back(
        cost("log record", 0, blocks, [&] { log.write(log_event::book_reset_log, id, "BTCUSDT", "gap", 5); }));
    costs.push_back(cost("a look at the clock", 0, blocks, [] { keep(mono_ns()); }));
    return costs;
}

std::string table_of(const std::vector<OperationCost>& costs) {
    auto text =
        fmt::format("{:<36} {:>8} {:>8} {:>8} {:>9} {:>8}\n", "OPERATION, ns", "P50", "P99", "P99.9", "MAX", "AIM");
    for (const auto& cost : costs) {
        text += fmt::format("{:<36} {:>8.1f} {:>8.1f} {:>8.1f} {:>9.1f} {:>8}\n", cost.name, cost.ns.p50, cost.ns.p99,
                            cost.ns.p999, cost.ns.max, cost.aim_ns == 0 ? "" : fmt::format("<= {}", cost.aim_ns));
    }
    return text;
}

std::string json_of(const std::vector<OperationCost>& costs) {
    std::string all;
    for (const auto& cost : costs) {
        all += fmt::format(R"({}{{"operation":{},"p50":{:.2f},"p99":{:.2f},"p999":{:.2f},"max":{:.2f},"aim":{}}})",
                           all.empty() ? "" : ",", json_text(cost.name), cost.ns.p50, cost.ns.p99, cost.ns.p999,
                           cost.ns.max, cost.aim_ns);
    }
    return fmt::format("{{\"block\":{},\"operations_ns\":[{}]}}\n", operations_in_block, all);
}

}  // namespace of::bench
