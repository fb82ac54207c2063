// The seccomp part of the sandbox: an allow-list of system calls. Whatever else is called ends the process with SIGSYS.
#pragma once

#include "shm/error.hpp"
#include "workers/runtime/sandbox.hpp"

namespace of {

/// Whether this build puts filters in force: a sanitizer's run time needs calls that no worker makes (ptrace, clone).
bool filter_is_built();

/// Names of the calls that these rules let through, whatever their arguments.
std::vector<std::string_view> calls_of(const SandboxRules& rules);

/// For this thread and all others; needs no_new_privs. `audit`: the kernel logs what it would end the process for.
Expected<void> install_filter(const SandboxRules& rules, bool audit);

}  // namespace of
