// The Landlock part of the sandbox: files, TCP ports, signals and abstract sockets, as far as the kernel knows them.
#pragma once

#include "shm/error.hpp"
#include "workers/runtime/sandbox.hpp"

namespace of {

/// The version from which everything is restricted that is asked for here.
inline constexpr int landlock_abi_whole = 6;

/// The kernel's version; 0 when Landlock is not there or not enabled.
int landlock_abi();

/// For this thread and those that it will make; needs no_new_privs. The ABI version that is in force: 1 files; 3 also
/// truncation; 4 also TCP ports; 5 also ioctl on devices; 6 also signals and abstract sockets.
Expected<int> restrict_by_landlock(const SandboxRules& rules);

}  // namespace of
