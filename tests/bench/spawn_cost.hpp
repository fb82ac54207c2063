// What a supervisor takes of a core from the kill of a child until the successor has been executed: `of-bench restart`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/bench/supervised.hpp"

namespace of::bench {

/// CPU of all its threads for each of `kills`, ns, sorted. The supervisor is one process and spawns by vfork, whose end
/// stops it, as a traced process, for as long as we look. None where it may not be traced; throws if it starts nothing anew.
std::vector<int64_t> measure_spawns(Supervised& supervised, size_t kills);

}  // namespace of::bench
