// What a supervisor leaves to the program that it becomes by execve (`ofctl upgrade`): descriptors and a few figures.
//
// The process stays the same, and so its workers stay its children; everything else that they share lies in the
// segments. Written to a memfd as lines of words, so that another version can read it or say that it cannot.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "shm/error.hpp"

namespace of::supervisor {

struct Handover {
    struct Worker {
        std::string name;
        int state = 0;  ///< State
        int64_t pid = 0;
        int pidfd = -1;
        int errors = -1;
        uint64_t failures = 0;
        int64_t ready_ns = 0;
        int black_box = -1;
        bool is_child = true;  ///< false: of a supervisor before, which died
    };
    int lock = -1;
    int governor = -1;
    int config = -1;
    int control = -1;
    std::array<int, 2> lifeline{-1, -1};
    std::vector<int> bells;
    uint32_t config_generation = 0;
    std::vector<Worker> workers;

    /// Everything that must stay open across execve.
    std::vector<int> descriptors() const;
    /// A memfd that stays open across execve; -1 when there is none to be had.
    int write() const;
    static Expected<Handover> read(int descriptor);
};

}  // namespace of::supervisor
