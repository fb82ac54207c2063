// From kill -9 of a child to its successor: `of-bench restart`. All supervisors run at the same time, and are killed a
// child in turn, so that a slow moment of the machine meets them all.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/notice.hpp"
#include "tests/bench/own_workers.hpp"

namespace of::bench {

struct RestartFigures {
    std::string key;
    std::string name;
    std::vector<int64_t> first_ns;  ///< kill to the successor's first statement, sorted
    std::vector<int64_t> ready_ns;  ///< kill to the successor's ready, sorted
    uint64_t lost = 0;              ///< kills without a successor in time
    int64_t spawned_ns = 0;         ///< start of the supervisor to the first statement of the last of four children
    int64_t start_ns = 0;           ///< to four children ready
    // Of a supervisor in one process, sorted:
    std::vector<int64_t> cpu_ns;        ///< of a core, kill to ready
    std::vector<int64_t> spawn_cpu_ns;  ///< of a core, kill to the end of the spawn
};

/// `kills` of each supervisor. What is not installed is named in `absent`.
std::vector<RestartFigures> measure_restarts(size_t kills, uint64_t seed, std::vector<std::string>& absent);
std::string table_of(const std::vector<RestartFigures>& figures);
std::string json_of(const std::vector<RestartFigures>& figures, const OwnFigures& own, const Notices& notices);

}  // namespace of::bench
