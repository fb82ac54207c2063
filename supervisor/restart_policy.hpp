// When to start a dead worker again. Pure: time and chance are arguments.
//
// The first failure restarts at once; the following wait delay_min doubling to delay_max, with jitter. A healthy period
// resets the count. After failures_max failures without one the worker is parked: one probe each probe_ns.
#pragma once

#include <cstdint>

namespace of::supervisor {

inline constexpr int64_t ns_per_ms = 1'000'000;

struct RestartSettings {
    int64_t first_delay_ns = 0;
    int64_t delay_min_ns = 50'000'000;
    int64_t delay_max_ns = 30'000'000'000;
    int64_t jitter_percent = 20;
    int64_t healthy_after_ns = 60'000'000'000;
    int64_t failures_max = 10;
    int64_t probe_ns = 60'000'000'000;
};

struct RestartPlan {
    int64_t delay_ns = 0;
    bool parked = false;
    uint64_t failures = 0;  ///< without a healthy period, this one included
};

class RestartPolicy {
  public:
    explicit RestartPolicy(const RestartSettings& settings) : settings_(settings) {}

    /// After a death. `healthy_ns` is how long the worker had been ready (0 if never); `chance` is uniform in [0, 1).
    RestartPlan on_death(int64_t healthy_ns, double chance);
    /// An operator's restart begins a new count.
    void reset() { failures_ = 0; }

  private:
    RestartSettings settings_;
    uint64_t failures_ = 0;
};

}  // namespace of::supervisor
