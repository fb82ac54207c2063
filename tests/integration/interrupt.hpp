// Ctrl-C and SIGTERM of the integration programs: noted, and looked at by whoever waits.
#pragma once

#include <chrono>
#include <csignal>
#include <thread>

namespace of::integration {

using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;

inline volatile std::sig_atomic_t interrupt_signal = 0;

inline bool interrupted() { return interrupt_signal != 0; }

inline void note_interrupts() {
    struct sigaction action{};
    action.sa_handler = [](int number) { interrupt_signal = number; };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

/// Whether `condition` came true before the deadline; an interruption ends the wait as the deadline does.
template <typename Condition>
bool wait_for(Milliseconds limit, Condition condition, Milliseconds pause = 20ms) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (interrupted() || std::chrono::steady_clock::now() >= deadline) return condition();
        std::this_thread::sleep_for(pause);
    }
    return true;
}

}  // namespace of::integration
