// How soon the supervisor hears that a process with much memory has been killed: `of-bench restart`. The early notice
// (supervisor/death_watch.hpp) beside the pidfd, which tells only when the kernel has taken the memory down.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace of::bench {

struct NoticeFigures {
    size_t resident_mib = 0;         ///< of each victim
    bool apart = false;              ///< the victim has a core of its own, as a worker with `cpus` has
    std::vector<int64_t> notice_ns;  ///< kill to the early notice, sorted; empty on a kernel without futex_waitv
    std::vector<int64_t> pidfd_ns;   ///< kill to the readable pidfd, sorted
};

/// Kills `kills` processes of our own, one after another. Throws if one cannot be made, or if its death is not told.
NoticeFigures measure_notices(size_t kills, size_t resident_mib, bool apart);

/// With a core for the victim, and with all left to the scheduler, which may keep the notice waiting on the victim's.
struct Notices {
    NoticeFigures apart;
    NoticeFigures anywhere;
};
std::string table_of(const Notices& notices);
std::string json_of(const Notices& notices);

}  // namespace of::bench
