// Whether somebody sets the wall clock while the instance runs. Nothing is timed by it; times of day in the log, the
// store and the answers leap with it, so that is told.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <optional>

namespace of::supervisor {

class WallClock {
  public:
    /// NTP turns the clock by 0.5 ms a second at most; whatever leaps by less than this is not told.
    static constexpr int64_t least_step_ns = 100'000'000;

    /// By how much the wall clock was set since the last look: 0 if it was not. `uptime_ns` goes on while the machine
    /// is suspended (CLOCK_BOOTTIME): what a night takes is no step.
    int64_t look(int64_t wall_ns, int64_t uptime_ns) {
        const auto lead = wall_ns - uptime_ns;
        const auto step = lead_ns_ ? lead - *lead_ns_ : 0;
        lead_ns_ = lead;
        return std::abs(step) < least_step_ns ? 0 : step;
    }

  private:
    std::optional<int64_t> lead_ns_;
};

}  // namespace of::supervisor
