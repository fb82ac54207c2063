// The product itself: how soon its four workers are ready, and what its supervisor takes of a core while nothing
// happens. Part of `of-bench restart`; the workers find no exchange (a closed port of this host), and write into a
// folder that is removed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace of::bench {

struct OwnFigures {
    double segments_mib = 0;        ///< made at each start
    std::vector<int64_t> ready_ns;  ///< from the start of ofsupervisor to the last worker's ready, sorted
    double idle_percent = 0;        ///< of a core, all threads of the supervisor
    double idle_wakes_per_s = 0;
    int64_t memory_kib = 0;  ///< proportional set size of the supervisor, without segments
};

/// Starts the instance `starts` times, and looks at the last one for `idle_s` seconds. Throws if it does not start.
OwnFigures measure_own_workers(size_t starts, int64_t idle_s);
std::string table_of(const OwnFigures& figures);
std::string json_of(const OwnFigures& figures);

}  // namespace of::bench
