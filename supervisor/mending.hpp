// Whom a broken segment concerns. Pure.
//
// A worker that dies leaves its rings whole: its successor goes on in them, and nobody else notices (one_for_one).
// Where a segment itself is broken, it is made anew, with a new generation, and whoever has the old one mapped must let
// go of it: its writer, its readers and its observer, and no others. They are started anew in the order in which an
// instance drains, so that a reader ends when no writer can add to what it still reads (rest_for_one).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "proto/topology.hpp"

namespace of::supervisor {

struct MendPlan {
    bool hopeless = false;           ///< the control page: the supervisor itself stands on it
    std::vector<size_t> remake;      ///< channels, ascending
    std::vector<ProcessId> restart;  ///< workers, in the order of their restart

    friend bool operator==(const MendPlan&, const MendPlan&) = default;
};

/// `broken` are numbers of `channels`, which are all channels of an instance of these processes.
MendPlan plan_mending(std::span<const Channel> channels, std::span<const size_t> broken,
                      std::span<const ProcessId> processes);

}  // namespace of::supervisor
