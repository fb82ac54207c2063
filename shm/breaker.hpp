// A circuit breaker over a record in shared memory. Owned by one thread of one process, which alone writes the record.
//
// Pure but for the record: time and chance are arguments. Whoever wants to use the dependency asks allow(), and reports
// the result of what was allowed with succeed(), fail() or ignore(), once. BREAKERS.md has the table of states.
#pragma once

#include "shm/breaker_page.hpp"

namespace of::shm {

struct BreakerRules {
    uint32_t failures_max = 5;  ///< within the window open it; 0: that rule is off; at most 32
    int64_t window_ns = 60'000'000'000;
    uint32_t rate_percent = 0;         ///< of the calls in the window open it; 0: that rule is off
    uint32_t calls_min = 20;           ///< in the window before the rate counts
    int64_t open_ns = 60'000'000'000;  ///< the first open time; doubles with each trip in a row
    int64_t open_max_ns = 900'000'000'000;
    uint32_t jitter_percent = 20;          ///< of the open time, to both sides
    int64_t healthy_ns = 600'000'000'000;  ///< closed for so long takes one doubling back
    uint32_t probes = 1;                   ///< let through when half-open; all must succeed; at most 8
    int64_t lease_ns = 30'000'000'000;     ///< a probe that has not reported by then is given up
};

/// What allow() said. To be handed back with the result, if it was allowed.
struct Permit {
    bool allowed = false;
    uint32_t generation = 0;
    uint64_t lease = 0;  ///< of a probe; 0 for a usual call

    explicit operator bool() const { return allowed; }
};

class Breaker {
  public:
    /// Goes on where a predecessor stopped; what leases it held are given back.
    Breaker(BreakerRecord& record, const BreakerRules& rules);

    /// Whether the dependency may be used now. `clock` is asked only when the breaker is not closed: a look at the
    /// clock costs more than all the rest.
    template <typename Clock>
    Permit allow(Clock clock) {
        if (state() == BreakerState::closed) [[likely]]
            return pass(0);
        return allow_slowly(clock());
    }
    void succeed(const Permit& permit, int64_t now_ns);
    /// `chance` in [0, 1) for the jitter of the open time.
    void fail(const Permit& permit, int64_t now_ns, double chance);
    /// The result says nothing of the dependency: the caller gave up, or was told to come later.
    void ignore(const Permit& permit);

    /// Ends a force whose time is over, also while nobody asks.
    void end_force(int64_t now_ns);
    /// The dependency was started anew: an open breaker probes at once.
    void retry_now(int64_t now_ns);
    void trip(int64_t now_ns, double chance);
    void reset(int64_t now_ns);
    /// Open or closed whatever happens, until `until_ns` (0: until reset), then closed.
    void force(bool open, int64_t now_ns, int64_t until_ns);

    BreakerState state() const;
    /// How long until the next call may be let through; 0 when one may now, as far as the breaker knows.
    int64_t retry_in_ns(int64_t now_ns) const;
    const BreakerRecord& record() const { return record_; }
    BreakerRecord& record() { return record_; }

    /// The open time after so many trips in a row, without jitter.
    static int64_t open_time_ns(const BreakerRules& rules, uint32_t trips_in_row);

  private:
    Permit pass(uint64_t lease) {
        record_.allowed.store(record_.allowed.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return {true, record_.generation.load(std::memory_order_relaxed), lease};
    }
    Permit allow_slowly(int64_t now_ns);
    Permit probe(int64_t now_ns);
    bool refer(const Permit& permit, std::atomic<uint64_t>& counter);
    void note_call(int64_t now_ns, bool failed);
    bool must_trip(int64_t now_ns) const;
    void open(int64_t now_ns, double chance);
    void close(int64_t now_ns);
    void enter(BreakerState state, int64_t now_ns);
    void forget_failures();
    void give_back_leases(int64_t before_ns);

    BreakerRecord& record_;
    BreakerRules rules_;
};

}  // namespace of::shm
