// When to start a dead worker again. Pure: time and chance are arguments.
//
// The first failure restarts at once; the following wait delay_min doubling to delay_max, with jitter. A healthy period
// resets the count. After failures_max failures without one the worker is parked: one probe each probe_ns. A death of
// the park class (an exit code or a signal that a restart cannot mend) parks at once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "supervisor/death.hpp"

namespace of::supervisor {

inline constexpr int64_t ns_per_ms = 1'000'000;

/// A class of deaths: exit codes as they are, signals as negative numbers.
using DeathClass = std::vector<int>;

/// "2" or "SIGSYS" as an element of a DeathClass; 0 for anything else (exit code 0 has no class).
int parse_death(std::string_view text);

struct RestartSettings {
    int64_t first_delay_ns = 0;
    int64_t delay_min_ns = 50'000'000;
    int64_t delay_max_ns = 30'000'000'000;
    int64_t jitter_percent = 20;
    int64_t healthy_after_ns = 60'000'000'000;
    int64_t failures_max = 10;
    int64_t probe_ns = 60'000'000'000;
    DeathClass park{};
};

struct RestartPlan {
    int64_t delay_ns = 0;
    bool parked = false;
    uint64_t failures = 0;  ///< without a healthy period, this one included
};

/// One line of the printed plan: what follows the n-th failure in a row.
struct ScheduleRow {
    uint64_t failure = 0;
    int64_t earliest_ns = 0;  ///< delay before the restart, jitter at its smallest
    int64_t latest_ns = 0;
    bool parked = false;
};

class RestartPolicy {
  public:
    explicit RestartPolicy(const RestartSettings& settings) : settings_(settings) {}

    /// After a death. `healthy_ns` is how long the worker had been ready (0 if never); `chance` is uniform in [0, 1).
    RestartPlan on_death(const Death& death, int64_t healthy_ns, double chance);
    /// Whether a death now, of no special class, would be followed by a start without delay.
    bool restarts_at_once(int64_t healthy_ns) const;
    /// An operator's start or restart begins a new count.
    void reset() { failures_ = 0; }
    /// A reload's settings hold from the next death on; the count stays.
    void change(const RestartSettings& settings) { settings_ = settings; }
    uint64_t failures() const { return failures_; }
    void resume(uint64_t failures) { failures_ = failures; }

  private:
    RestartSettings settings_;
    uint64_t failures_ = 0;
};

/// What the policy does failure after failure, to the row that parks.
std::vector<ScheduleRow> schedule_of(const RestartSettings& settings);

}  // namespace of::supervisor
