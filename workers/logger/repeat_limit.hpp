// Keeps a sentence that one process repeats from flooding the log: at most so many lines of it each second,
// then one line that says how many were left out. Pure; time is an argument.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace of::logger {

class RepeatLimit {
  public:
    explicit RepeatLimit(uint64_t lines_per_second) : limit_(lines_per_second) {}

    struct Omitted {
        uint8_t origin;
        uint16_t event;
        uint64_t count;
    };
    /// Whether the record is to be written; 0 lines per second means no limit.
    bool admit(uint8_t origin, uint16_t event, int64_t wall_ns) {
        if (limit_ == 0) return true;
        auto& window = windows_[{origin, event}];
        if (wall_ns - window.began_ns >= window_ns) window = {wall_ns, 0, window.omitted};
        if (++window.seen <= limit_) return true;
        ++window.omitted;
        return false;
    }
    /// What was left out in windows that are over; each is told once.
    std::vector<Omitted> take_omitted(int64_t wall_ns) {
        std::vector<Omitted> told;
        for (auto& [key, window] : windows_) {
            if (window.omitted == 0 || wall_ns - window.began_ns < window_ns) continue;
            told.push_back({key.first, key.second, std::exchange(window.omitted, 0)});
        }
        return told;
    }

    /// Whether something was left out and not told yet.
    bool any_omitted() const {
        return std::ranges::any_of(windows_, [](const auto& entry) { return entry.second.omitted != 0; });
    }

  private:
    static constexpr int64_t window_ns = 1'000'000'000;
    struct Window {
        int64_t began_ns = 0;
        uint64_t seen = 0;
        uint64_t omitted = 0;
    };
    uint64_t limit_;
    std::map<std::pair<uint8_t, uint16_t>, Window> windows_;
};

}  // namespace of::logger
