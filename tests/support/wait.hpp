// Waiting in tests: for a condition, with a deadline, never for a length of time.
//
// The deadline is generous, since it is met only by a failing test.
#pragma once

#include <chrono>
#include <thread>

namespace of::test {

inline constexpr std::chrono::milliseconds patience{20'000};

/// Whether `condition` came true before the deadline. Looks again each millisecond.
template <typename Condition>
bool wait_until(Condition condition, std::chrono::milliseconds limit = patience) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline) return condition();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

}  // namespace of::test
