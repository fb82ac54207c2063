// The two clocks, for the thin parts around the pure ones.
#pragma once

#include <chrono>
#include <cstdint>

namespace of::exchange {

inline int64_t wall_us() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

inline int64_t steady_ns() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

inline int64_t steady_ms() { return steady_ns() / 1'000'000; }

}  // namespace of::exchange
