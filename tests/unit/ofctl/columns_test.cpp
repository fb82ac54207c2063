// Columns of status and breaker whose numbers a test knows.
#include <catch2/catch.hpp>

#include "shm/breaker.hpp"
#include "supervisor/ofctl/attach.hpp"
#include "tests/unit/ofctl/support.hpp"

using namespace of;
using namespace of::test;

namespace {

constexpr int64_t second_ns = 1'000'000'000;

shm::BreakerPage& breakers_of(Instance& instance, ProcessId process, std::vector<shm::Segment>& kept) {
    kept.push_back(instance.segment(ChannelKind::breaker, process, process, shm::Access::read_write));
    return kept.back().page<shm::BreakerPage>();
}

}  // namespace

TEST_CASE("status tells the worst breaker of each worker, and none of one that has none") {
    using enum shm::BreakerState;
    Instance instance;
    std::vector<shm::Segment> kept;
    auto& page = breakers_of(instance, binance_id, kept);
    const auto ask = [&] { return run_ofctl(fmt::format("--instance {} --json status binance", instance.name())); };
    CHECK(has(ask(), R"("breaker":"")"));
    for (const auto& [first, second, worst] : {std::tuple(closed, closed, "closed"),
                                               {forced_closed, closed, "forced-closed"},
                                               {half_open, forced_closed, "half-open"},
                                               {half_open, forced_open, "forced-open"},
                                               {open, forced_open, "open"},
                                               {open, static_cast<shm::BreakerState>(9), "unknown"}}) {
        page.add("rest")->state.store(static_cast<uint32_t>(first));
        page.add("history")->state.store(static_cast<uint32_t>(second));
        const auto output = ask();
        INFO(output.text);
        CHECK(has(output, fmt::format(R"("breaker":"{}")", worst)));
    }
}

TEST_CASE("a breaker page of another layout is unknown, and the rest of status is as ever") {
    Instance instance;
    const auto folder = copy_of(instance);
    flip_bit(fmt::format("{}/{}.breaker.storage", folder, instance.name()), offsetof(shm::SegmentHeader, layout_hash),
             0);
    const auto output = run_ofctl(fmt::format("--from {} --json status", folder));
    INFO(output.text);
    CHECK(output.exit_code == 7);
    CHECK(has(output, R"("breaker":"unknown")"));
    CHECK(has(output, R"("breaker":"")"));
}

TEST_CASE("the wide status has the worst breaker, and both stay within 80 columns") {
    Instance instance;
    std::vector<shm::Segment> kept;
    breakers_of(instance, storage_id, kept).add("store")->state.store(2);
    instance.stand_in(storage_id);
    auto& slot = instance.slot(storage_id);
    slot.desk.state.store(static_cast<uint32_t>(WorkerState::spawned));
    slot.own.incarnation.store(slot.desk.incarnation.load());
    slot.own.ready_ns.store(ofctl::mono_now() - 7'400 * second_ns);
    slot.own.heartbeat_ns.store(ofctl::mono_now());
    slot.desk.spawn_ns.store(ofctl::mono_now() - 7'400 * second_ns);
    const auto storage = [&](WorkerState state, const char* options) {
        slot.own.state.store(static_cast<uint32_t>(state));
        return run_ofctl(fmt::format("--instance {} status storage {}", instance.name(), options));
    };
    const auto wide = storage(WorkerState::running, "-o wide");
    INFO(wide.text);
    CHECK(has(wide, "LOST  BREAKER"));
    CHECK(has(wide, "  half-open"));
    CHECK(widest_line(wide.text) <= 80);
    const auto plain = storage(WorkerState::running, "");
    INFO(plain.text);
    CHECK(widest_line(plain.text) <= 80);
    CHECK_FALSE(has(plain, "BREAKER"));
    CHECK(has(storage(WorkerState::running, "--json"), R"("ready_ms":7400)"));
    CHECK(has(storage(WorkerState::attaching, "--json"), R"("ready_ms":0,)"));
}

TEST_CASE("breaker tells what share of the calls in its window failed, with its rate rule off as well") {
    Instance instance;
    std::vector<shm::Segment> kept;
    auto& page = breakers_of(instance, binance_id, kept);
    shm::Breaker breaker(*page.add("rest"), {});
    const auto call = [&](int64_t at_ns, bool well) {
        const auto permit = breaker.allow([at_ns] { return at_ns; });
        well ? breaker.succeed(permit, at_ns) : breaker.fail(permit, at_ns, 0.5);
    };
    const auto ask = [&](const char* verb) {
        const auto output = run_ofctl(fmt::format("--instance {} {}", instance.name(), verb));
        INFO(output.text);
        CHECK(output.exit_code == 0);
        return output;
    };
    CHECK(has(ask("breaker --json"), R"("recent_calls":0,"error_percent":null)"));
    const auto now = ofctl::mono_now();
    call(now - 61 * second_ns, false);
    CHECK(has(ask("breaker --json"), R"("recent_calls":0,"error_percent":null)"));
    for (int i = 0; i < 7; ++i) call(now, true);
    call(now, false);
    CHECK(has(ask("breaker --json"), R"("recent_calls":8,"error_percent":12.5)"));
    const auto table = ask("breaker");
    CHECK(has(table, "ERR%"));
    CHECK(has(table, "12.5"));
    CHECK(widest_line(table.text) <= 80);
    CHECK(has(ask("breaker show binance/rest"), "1 of 8 calls failed: 12.5 %"));
}
