// The exchange's request weights: 6,000 a minute, 429 above, 418 (a ban) for whoever goes on.
//
// Windows are fixed: each begins at :00. All clients come from one machine, so one account stands for the IP.
// Pure.
#pragma once

#include <cstdint>
#include <optional>

namespace of::exchange {

struct RestLimitSettings {
    int64_t weight_max = 6000;
    int64_t refusals_before_ban = 10;  // requests answered with 429 in one window before the ban
    int64_t ban_seconds = 120;
};

struct Refused {
    unsigned status = 429;
    int64_t retry_after_s = 1;
};

class RestLimits {
  public:
    explicit RestLimits(RestLimitSettings settings) : settings_(settings) {}

    /// Charges a request, a refused one as well. Nothing: go ahead.
    std::optional<Refused> charge(int64_t weight, int64_t now_ms) {
        roll(now_ms);
        used_ += weight;
        if (now_ms < banned_until_ms_) return Refused{418, seconds_left(now_ms, banned_until_ms_)};
        if (used_ <= settings_.weight_max) return {};
        if (++refusals_ > settings_.refusals_before_ban) {
            banned_until_ms_ = now_ms + settings_.ban_seconds * 1000;
            return Refused{418, settings_.ban_seconds};
        }
        return Refused{429, seconds_left(now_ms, (minute_ + 1) * minute_ms)};
    }

    int64_t used(int64_t now_ms) {
        roll(now_ms);
        return used_;
    }

  private:
    static constexpr int64_t minute_ms = 60'000;

    void roll(int64_t now_ms) {
        if (now_ms / minute_ms == minute_) return;
        minute_ = now_ms / minute_ms;
        used_ = 0;
        refusals_ = 0;
    }
    static int64_t seconds_left(int64_t now_ms, int64_t until_ms) { return (until_ms - now_ms + 999) / 1000; }

    RestLimitSettings settings_;
    int64_t minute_ = -1;
    int64_t used_ = 0;
    int64_t refusals_ = 0;
    int64_t banned_until_ms_ = 0;
};

}  // namespace of::exchange
