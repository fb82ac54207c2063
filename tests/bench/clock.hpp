// The processor's time stamp counter: 10 ns a look, where the system's clock takes 25.
#pragma once

#include <x86intrin.h>

#include <chrono>
#include <cstdint>

namespace of::bench {

inline uint64_t now_ticks() {
    unsigned core = 0;
    return __rdtscp(&core);
}

/// Measured once against the steady clock, over 20 ms.
inline double ns_per_tick() {
    static const double ratio = [] {
        using Clock = std::chrono::steady_clock;
        const auto start = Clock::now();
        const auto ticks = now_ticks();
        while (Clock::now() - start < std::chrono::milliseconds(20)) {
        }
        const auto ns = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
        return ns / static_cast<double>(now_ticks() - ticks);
    }();
    return ratio;
}
inline double ns_of_ticks(uint64_t ticks) { return static_cast<double>(ticks) * ns_per_tick(); }

}  // namespace of::bench
