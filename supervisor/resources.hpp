// What a worker's process is given of the machine. Applied between clone and exec; a limit that the kernel refuses ends
// the start with a sentence, because a worker that runs with other limits than configured is worse than none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shm/error.hpp"

namespace of::supervisor {

/// File descriptors that the supervisor and each worker must be allowed: what they hold at rest, and in the supervisor's
/// case also ofctl's connections, prepared successors and the programs that check a configuration.
constexpr int64_t open_files_min = 128;

struct Resources {
    std::vector<int> cpus;      ///< affinity; empty: as inherited
    int nice = 0;               ///< -20 to 19; 0: as inherited
    int realtime_priority = 0;  ///< SCHED_FIFO 1 to 99; 0: the usual scheduler
    int oom_score_adjust = 0;   ///< -1000 to 1000; 0: as inherited
    int64_t open_files = 0;     ///< RLIMIT_NOFILE; 0: as inherited
    int64_t core_bytes = -1;    ///< RLIMIT_CORE; -1: as inherited
    int64_t locked_bytes = 0;   ///< RLIMIT_MEMLOCK; 0: as inherited
    bool lock_memory = false;   ///< mlockall, done by the worker itself (--lock-memory)
};

/// "0,2-3" as CPU numbers; nothing for text that is no such list. "" is the empty list.
std::optional<std::vector<int>> parse_cpus(std::string_view text);

/// Whether this process, and the workers that inherit its limits, may open enough files.
Expected<void> check_open_files();

/// In the child: takes what `resources` says. nullptr, or the name of what the kernel refused (errno says why).
/// Async-signal-safe.
const char* take(const Resources& resources);

}  // namespace of::supervisor
