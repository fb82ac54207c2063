// How long to wait before the next attempt. Pure: chance comes from a seeded source, so tests repeat exactly.
//
// Reconnects take a full-jitter delay, so that many clients of an exchange that comes back do not return
// together; snapshot requests take the doubled delay plus a quarter of jitter, since their limit is the
// weight and not the crowd.
#pragma once

#include <algorithm>
#include <cstdint>

namespace of::binance {

/// splitmix64 (Steele, Lea, Flood 2014): one word of state, any seed will do.
class Chance {
  public:
    explicit Chance(uint64_t seed) : state_(seed) {}
    uint64_t next() {
        uint64_t z = (state_ += 0x9e37'79b9'7f4a'7c15);
        z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
        z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
        return z ^ (z >> 31);
    }
    /// Uniform in 0..limit, both included.
    int64_t up_to(int64_t limit) {
        return limit <= 0 ? 0 : static_cast<int64_t>(next() % (static_cast<uint64_t>(limit) + 1));
    }

  private:
    uint64_t state_;
};

/// min * 2^attempt, at most cap; attempt counts from 0.
constexpr int64_t doubled(int64_t min, int64_t cap, uint32_t attempt) {
    int64_t delay = min;
    for (uint32_t i = 0; i < attempt && delay < cap; ++i) delay = delay > cap / 2 ? cap : delay * 2;
    return std::min(delay, cap);
}

inline int64_t full_jitter(int64_t min, int64_t cap, uint32_t attempt, Chance& chance) {
    return chance.up_to(doubled(min, cap, attempt));
}

inline int64_t quarter_jitter(int64_t min, int64_t cap, uint32_t attempt, Chance& chance) {
    const auto delay = doubled(min, cap, attempt);
    return delay + chance.up_to(delay / 4);
}

}  // namespace of::binance
