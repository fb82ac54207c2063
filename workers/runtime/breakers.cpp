#include "workers/runtime/breakers.hpp"

#include <fmt/format.h>

namespace of {

using shm::BreakerState;

CircuitBreaker::CircuitBreaker(BreakerOwner owner, std::string name, shm::BreakerRecord& record,
                               const shm::BreakerRules& rules)
    : owner_(owner),
      name_(std::move(name)),
      breaker_(record, rules),
      trips_(owner.metrics.counter("breaker_trips_total", "Times that the circuit breaker opened",
                                   fmt::format("breaker=\"{}\"", name_))),
      state_(owner.metrics.gauge("breaker_state", "", "0 closed, 1 open, 2 half-open, 3 forced open, 4 forced closed",
                                 fmt::format("breaker=\"{}\"", name_))) {
    state_.set(static_cast<int64_t>(breaker_.state()));
}

shm::Permit CircuitBreaker::allow_slowly() {
    const auto before = breaker_.state();
    const auto permit = breaker_.allow([] { return mono_ns(); });
    tell(before, owner_.correlations.next());
    return permit;
}

void CircuitBreaker::succeed(const shm::Permit& permit) {
    const auto before = breaker_.state();
    breaker_.succeed(permit, mono_ns());
    if (before != breaker_.state()) tell(before, owner_.correlations.next());
}

void CircuitBreaker::fail(const shm::Permit& permit, CorrelationId correlation, std::string_view why) {
    const auto before = breaker_.state();
    auto& record = breaker_.record();
    record.lock.write([&] {
        record.last_failure.store(why);
        record.last_failure_wall_ns.store(wall_ns(), std::memory_order_relaxed);
        record.last_correlation.store(correlation.value, std::memory_order_relaxed);
    });
    breaker_.fail(permit, mono_ns(), chance());
    tell(before, correlation);
}

void CircuitBreaker::obey(const CommandBreaker& command) {
    const auto now = mono_ns();
    const auto before = breaker_.state();
    const auto until = command.for_ns == 0 ? 0 : now + command.for_ns;
    auto& record = breaker_.record();
    record.lock.write([&] { record.reason.store(command.reason.view()); });
    switch (command.action) {
        case BreakerAction::trip:
            breaker_.trip(now, chance());
            break;
        case BreakerAction::reset:
            breaker_.reset(now);
            break;
        case BreakerAction::open:
            breaker_.force(true, now, until);
            break;
        case BreakerAction::close:
            breaker_.force(false, now, until);
            break;
    }
    owner_.log.write(log_event::breaker_commanded, command.header.correlation, name_, name_of(command.action),
                     command.uid, command.reason.view());
    tell(before, command.header.correlation);
    // Release: who waits for this command sees what it has done.
    record.last_command.store(command.header.correlation.value, std::memory_order_release);
}

void CircuitBreaker::tick() {
    const auto before = breaker_.state();
    if (before != BreakerState::forced_open && before != BreakerState::forced_closed) return;
    breaker_.end_force(mono_ns());
    if (before != breaker_.state()) tell(before, owner_.correlations.next());
}

void CircuitBreaker::tell(BreakerState before, CorrelationId correlation) {
    const auto now = breaker_.state();
    if (now == before) return;
    state_.set(static_cast<int64_t>(now));
    const auto& record = breaker_.record();
    if (now == BreakerState::closed) owner_.log.write(log_event::breaker_closed, correlation, name_);
    if (now == BreakerState::half_open) owner_.log.write(log_event::breaker_half_open, correlation, name_);
    if (now != BreakerState::open) return;
    trips_.add();
    owner_.log.write(log_event::breaker_opened, correlation, name_, record.failed.load(std::memory_order_relaxed),
                     static_cast<uint64_t>(retry_in_ns() / ns_per_ms), record.last_failure.load());
}

CircuitBreaker& Breakers::add(const std::string& name, const shm::BreakerRules& rules) {
    auto* record = segment_.page<shm::BreakerPage>().add(name);
    OF_ASSERT(record != nullptr);
    breakers_.emplace_back(name, std::make_unique<CircuitBreaker>(owner_, name, *record, rules));
    return *breakers_.back().second;
}

bool Breakers::obey(const CommandBreaker& command) {
    for (auto& [name, breaker] : breakers_) {
        if (name != command.name.view()) continue;
        breaker->obey(command);
        return true;
    }
    return false;
}

}  // namespace of
