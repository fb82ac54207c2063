// What single operations of a worker cost: `of-bench operations`.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/pair.hpp"

namespace of::bench {

struct OperationCost {
    std::string name;
    double aim_ns = 0;  ///< for p50; 0: none
    Quantiles ns;       ///< of one operation, as the mean of a block of them
};

/// Operations timed together, so that a look at the clock (20 ns) does not drown them.
inline constexpr int operations_in_block = 64;

std::vector<OperationCost> measure_operations(size_t blocks);
std::string table_of(const std::vector<OperationCost>& costs);
std::string json_of(const std::vector<OperationCost>& costs);

}  // namespace of::bench
