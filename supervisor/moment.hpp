// A process's lines of the control page at one moment: what its successor is about to overwrite. Taken by the
// supervisor when it has reaped a worker and before it lets the next one in; a copy of 2 KiB.
#pragma once

#include <array>
#include <string>

#include "proto/types.hpp"
#include "shm/control_page.hpp"
#include "supervisor/autopsy/facts.hpp"

namespace of::supervisor {

struct Moment {
    struct Reading {
        std::array<char, 32> channel;
        uint64_t position;
        uint64_t lost;
    };
    int64_t wall_ns = 0;  ///< when it was taken
    int64_t mono_ns = 0;
    uint64_t pid = 0;
    uint32_t incarnation = 0;
    uint64_t restarts = 0;
    int64_t spawn_ns = 0;
    WorkerState state = WorkerState::absent;  ///< the process's own last word
    int64_t ready_ns = 0;
    int64_t heartbeat_ns = 0;
    uint64_t turns = 0;
    uint64_t messages = 0;
    int64_t longest_turn_ns = 0;
    uint64_t refused = 0;
    uint64_t overruns = 0;
    std::array<Reading, shm::cursors_max> cursors{};

    static Moment of(const shm::ProcessSlot& slot);
    void tell(autopsy::Facts& facts) const;
};

}  // namespace of::supervisor
