#include <catch2/catch.hpp>
#include <random>

#include "supervisor/restart_policy.hpp"
#include "supervisor/state_table.hpp"

using namespace of::supervisor;

namespace {
constexpr int64_t ms = 1'000'000;
const Death crash{.exit_code = 1};
}  // namespace

TEST_CASE("restarts begin at once and back off doubling to the cap") {
    RestartPolicy policy({.jitter_percent = 0, .failures_max = 100});
    const int64_t expected[] = {0, 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
    uint64_t failures = 0;
    for (const auto delay : expected) {
        const auto plan = policy.on_death(crash, 0, 0.5);
        REQUIRE(plan.delay_ns == delay * ms);
        REQUIRE(plan.failures == ++failures);
        REQUIRE_FALSE(plan.parked);
    }
}

TEST_CASE("a healthy period forgets the failures before it") {
    RestartPolicy policy({.jitter_percent = 0});
    policy.on_death(crash, 0, 0.5);
    policy.on_death(crash, 0, 0.5);
    REQUIRE(policy.on_death(crash, 59'999 * ms, 0.5).delay_ns == 100 * ms);
    REQUIRE(policy.on_death(crash, 60'000 * ms, 0.5).delay_ns == 0);
}

TEST_CASE("the tenth failure parks the worker, and each probe that fails parks it again") {
    RestartPolicy policy({});
    for (int i = 0; i < 9; ++i) REQUIRE_FALSE(policy.on_death(crash, 0, 0.5).parked);
    for (int i = 0; i < 3; ++i) {
        const auto plan = policy.on_death(crash, 0, 0.5);
        REQUIRE(plan.parked);
        REQUIRE(plan.delay_ns == 60'000 * ms);
    }
    policy.reset();
    REQUIRE(policy.on_death(crash, 0, 0.5).delay_ns == 0);
}

TEST_CASE("jitter stays within its share") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> chance(0.0, 1.0);
    for (int i = 0; i < 1000; ++i) {
        RestartPolicy policy({});
        policy.on_death(crash, 0, chance(random));
        const auto delay = policy.on_death(crash, 0, chance(random)).delay_ns;
        REQUIRE(delay >= 40 * ms);
        REQUIRE(delay <= 60 * ms);
    }
}

TEST_CASE("the life of a worker follows the table") {
    struct Row {
        State state;
        Event event;
        State next;
        Action action;
    };
    using enum State;
    const Row rows[] = {
        {idle, Event::start, starting, Action::spawn},
        {idle, Event::restart, starting, Action::spawn},
        {starting, Event::runs, running, Action::none},
        {starting, Event::late, starting, Action::kill},
        {starting, Event::died, waiting, Action::plan},
        {starting, Event::dying, starting, Action::prepare},
        {starting, Event::hung, starting, Action::kill},
        {starting, Event::restart, restarting, Action::drain},
        {starting, Event::stop, stopping, Action::drain},
        {running, Event::dying, running, Action::prepare},
        {running, Event::died, waiting, Action::plan},
        {running, Event::hung, running, Action::abort},
        {running, Event::overdue, running, Action::kill},
        {running, Event::restart, restarting, Action::drain},
        {running, Event::stop, stopping, Action::drain},
        {restarting, Event::dying, restarting, Action::prepare},
        {restarting, Event::died, starting, Action::spawn},
        {restarting, Event::hung, restarting, Action::kill},
        {restarting, Event::overdue, restarting, Action::kill},
        {restarting, Event::stop, stopping, Action::none},
        {stopping, Event::died, idle, Action::settle},
        {stopping, Event::overdue, stopping, Action::kill},
        {stopping, Event::hung, stopping, Action::kill},
        {stopping, Event::start, restarting, Action::none},
        {stopping, Event::restart, restarting, Action::none},
        {waiting, Event::due, starting, Action::spawn},
        {waiting, Event::restart, starting, Action::spawn},
        {waiting, Event::start, starting, Action::spawn},
        {waiting, Event::stop, idle, Action::settle},
        {parked, Event::due, starting, Action::spawn},
        {parked, Event::stop, idle, Action::settle},
    };
    for (const auto& row : rows) {
        const auto [next, action] = transition(row.state, row.event);
        INFO("state " << static_cast<int>(row.state) << " event " << static_cast<int>(row.event));
        REQUIRE(next == row.next);
        REQUIRE(action == row.action);
    }
}

TEST_CASE("an event without meaning changes nothing") {
    using enum State;
    for (const auto event :
         {Event::runs, Event::dying, Event::died, Event::late, Event::hung, Event::overdue, Event::due, Event::stop}) {
        REQUIRE(transition(idle, event).action == Action::none);
        REQUIRE(transition(idle, event).next == idle);
    }
    for (const auto event : {Event::runs, Event::dying, Event::late, Event::stop, Event::due}) {
        REQUIRE(transition(stopping, event).next == stopping);
        REQUIRE(transition(stopping, event).action == Action::none);
    }
}
