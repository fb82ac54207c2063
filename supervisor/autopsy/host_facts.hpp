// The machine at the time of a death: pressure, load, memory, the worker's cgroup; and whether the OOM killer did it.
#pragma once

#include <string>

#include "supervisor/autopsy/facts.hpp"

namespace of::autopsy {

/// Excerpts of /proc and of the cgroup's folder ("" for none), each under its path. Files that are not to be had say
/// so.
std::string pressure_text(const std::string& cgroup);

/// OOM kills on this host since its start.
int64_t host_oom_kills();

/// Why a worker that a SIGKILL of nobody we know has ended may have been the OOM killer's; "" when nothing says so. Its
/// cgroup's counter and the kernel's log are proof, the host's counter is only likely.
std::string oom_evidence(const Facts& facts);

}  // namespace of::autopsy
