// Stacks with names, by libdw: of a process that lives and hangs, and of one that crashed and left its registers, stack
// and memory map in a black box. The only place that knows libdw.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shm/black_box.hpp"

namespace of::autopsy {

/// Every thread of a process: its name, what it waits for, its frames. Stops it for some milliseconds (PTRACE_SEIZE,
/// which sends it no signal) and lets go of it again; whoever dies meanwhile lets go as well. Says why when it may not.
std::string stack_of_process(pid_t pid);

/// What a crash left behind, copied from the black box and checked.
struct Crash {
    shm::BlackBox box{};
    std::string maps;              ///< as of the crash
    std::vector<std::byte> stack;  ///< from box.stack_from on
};
/// The frames of the thread that crashed.
std::string stack_of_crash(const Crash& crash);

}  // namespace of::autopsy
