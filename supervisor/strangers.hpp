// Children that the supervisor never started: what a worker has left behind comes to its nearest subreaper, which is
// the supervisor. They are ended and reaped; no zombie and no grandchild survives its worker.
#pragma once

#include <sys/types.h>

#include <span>
#include <vector>

namespace of::supervisor {

/// Makes this process the one that orphans of its workers come to.
void adopt_strangers();

/// Ends and reaps every child of this process that is not in `known`; their pids. A child stays a zombie until it is
/// reaped here, so its pid cannot pass to another process meanwhile. One that takes longer to die than `patience_ms` is
/// reaped by the call that its SIGCHLD brings about.
std::vector<pid_t> end_strangers(std::span<const pid_t> known, int patience_ms = 0);
/// Before the supervisor ends itself: all children that are left.
void end_all_strangers();

}  // namespace of::supervisor
