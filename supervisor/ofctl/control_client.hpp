// What is asked of the supervisor over its control socket, and how the answer is told.
#pragma once

#include <poll.h>

#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {

struct Answer {
    int exit_code;
    std::string text;
};

/// One packet to the supervisor, one back, which may take `patience_s`. A supervisor that is gone, or stopped by a
/// signal, is told at once and asked nothing; one that does not answer after a second. Copied segments have none.
Expected<Answer> request(const Options& options, const std::string& text, int64_t patience_s = 1);

/// Prints a result, or complains; returns the exit code.
int tell(const Options& options, int exit_code, const std::string& text);

/// Waits until `done` or the timeout; looks at shared memory, since the supervisor may be busy or gone.
template <typename Done>
bool wait_for(int64_t timeout_s, Done done) {
    const auto deadline = mono_now() + timeout_s * 1'000'000'000;
    while (!done()) {
        if (mono_now() >= deadline) return false;
        poll(nullptr, 0, look_period_ms);
    }
    return true;
}

}  // namespace of::ofctl
