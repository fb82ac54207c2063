// What this process leaves behind when it crashes, for the post mortem (shm/black_box.hpp): signal, registers, stack
// and memory map, written by a signal handler into a memfd that the supervisor has made.
//
// Handles SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT and SIGSYS, on a stack of its own, with async-signal-safe calls
// only: rt_sigaction, pread64, pwrite64, getpid, gettid, tgkill. The signal then takes its usual course, so exit status
// and core are the real ones. Everything the handler needs is open before `ready`.
#pragma once

namespace of {

/// Once, by the main thread, before the segments are attached. -1: no black box; the process dies as it would.
void arm_black_box(int descriptor);
/// At ready: notes limits and memory map, for deaths that no handler sees (SIGKILL).
void note_in_black_box();

}  // namespace of
