// How a child ended, and why. Plain facts: made by child.cpp, judged by crew.cpp, told by the journal and post mortems.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace of::supervisor {

struct Death {
    int exit_code = 0;  ///< -1 when a signal ended it, or when it is not known what did
    int signal = 0;
    bool core = false;

    bool known() const { return exit_code >= 0 || signal != 0; }
    /// "exit code 3", "signal 9 (Killed)", "signal 6 (Aborted), core dumped"
    std::string describe() const;
};

/// Of a process that was not our child, where the kernel does not tell.
inline constexpr Death unknown_death{.exit_code = -1};

/// What the supervisor itself had to do with a death.
enum class Cause : uint8_t {
    own,       ///< nothing: it crashed, exited, or was killed by somebody else
    hung,      ///< aborted for want of a heartbeat
    late,      ///< killed: not ready in time
    overdue,   ///< killed: asked to drain, it did not end in time
    commanded  ///< killed by `ofctl kill`
};

constexpr std::string_view name_of(Cause cause) {
    switch (cause) {
        case Cause::own:
            return "own";
        case Cause::hung:
            return "hung";
        case Cause::late:
            return "late";
        case Cause::overdue:
            return "overdue";
        case Cause::commanded:
            return "commanded";
    }
    return "unknown";
}

}  // namespace of::supervisor
