// OF_ASSERT: a programmer's error ends the process in every build; the supervisor restarts the worker.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace of {

/// Called with the failed condition before the abort; the runtime sets it to write a log record.
inline void (*on_assert)(const char* condition, const char* file, int line) = nullptr;

[[noreturn]] inline void assert_failed(const char* condition, const char* file, int line) {
    if (on_assert != nullptr) on_assert(condition, file, line);
    std::abort();
}

}  // namespace of

#define OF_ASSERT(condition) \
    (static_cast<bool>(condition) ? static_cast<void>(0) : ::of::assert_failed(#condition, __FILE__, __LINE__))
