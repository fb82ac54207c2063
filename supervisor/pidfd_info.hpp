// How a process ended that is not our child: from its pidfd when its parent has reaped it (Linux 6.15, PIDFD_GET_INFO),
// from /proc while it has not.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "supervisor/death.hpp"

namespace of::supervisor {

/// For pidfd_send_signal(2): the whole group that the process leads (Linux 6.9).
inline constexpr unsigned signal_process_group = 4;

/// Of a process that has ended: unknown_death where it cannot be told. Waits a few milliseconds where its parent reaps
/// it at this moment.
Death exit_status_of(int pidfd, pid_t pid);

/// The pidfd of a process that began at `start_time` (field 22 of /proc/pid/stat); -1 if there is none such any more.
int open_pidfd(uint64_t pid, uint64_t start_time);

}  // namespace of::supervisor
