// The circuit breakers of a process: one for each dependency, in its own page `breaker.P` (shm/BREAKERS.md).
//
// Each change of state is logged, counted, and seen by whoever maps the page. Owned by the event loop; breakers are
// added while starting.
#pragma once

#include <random>

#include "proto/control.hpp"
#include "shm/breaker.hpp"
#include "shm/random.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/metrics.hpp"

namespace of {

/// What a breaker needs of its process.
struct BreakerOwner {
    Log& log;
    Metrics& metrics;
    CorrelationSource& correlations;
};

class CircuitBreaker {
  public:
    CircuitBreaker(BreakerOwner owner, std::string name, shm::BreakerRecord& record, const shm::BreakerRules& rules);
    CircuitBreaker(const CircuitBreaker&) = delete;

    /// Whether the dependency may be used now. Each permit is reported once, with one of the three below.
    shm::Permit allow() {
        if (breaker_.state() == shm::BreakerState::closed) [[likely]]
            return breaker_.allow([] { return int64_t{0}; });
        return allow_slowly();
    }
    void succeed(const shm::Permit& permit);
    /// `why`: a sentence's worth, for the log and the page.
    void fail(const shm::Permit& permit, CorrelationId correlation, std::string_view why);
    void ignore(const shm::Permit& permit) { breaker_.ignore(permit); }

    /// The dependency was started anew: what it did before says nothing of it now.
    void retry_now() { breaker_.retry_now(mono_ns()); }
    int64_t retry_in_ns() const { return breaker_.retry_in_ns(mono_ns()); }
    void obey(const CommandBreaker& command);
    /// From time to time: ends a force whose time is over.
    void tick();

  private:
    shm::Permit allow_slowly();
    void tell(shm::BreakerState before, CorrelationId correlation);
    double chance() { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); }

    BreakerOwner owner_;
    std::string name_;
    shm::Breaker breaker_;
    Counter trips_;
    Gauge state_;
    std::mt19937_64 random_{shm::random_word()};
};

class Breakers {
  public:
    Breakers(shm::Segment segment, BreakerOwner owner) : segment_(std::move(segment)), owner_(owner) {}

    /// The breaker of this dependency, going on where a predecessor's stopped. Valid as long as this.
    CircuitBreaker& add(const std::string& name, const shm::BreakerRules& rules);
    /// An operator's wish; false when there is no such breaker.
    bool obey(const CommandBreaker& command);
    void tick() {
        for (auto& [name, breaker] : breakers_) breaker->tick();
    }

  private:
    shm::Segment segment_;
    BreakerOwner owner_;
    std::vector<std::pair<std::string, std::unique_ptr<CircuitBreaker>>> breakers_;
};

}  // namespace of
