// What the kernel says of a process: the resources that it really has, as read back from /proc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace of::ofctl {

struct ProcessFacts {
    uint64_t rss_bytes = 0;
    int64_t cpu_ns = 0;  ///< of its main thread, since its start
    int nice = 0;
    std::string scheduler;  ///< "other", "fifo 10", "rr 5", "batch", "idle"
    std::string cpus;       ///< "0-1"
    int oom_score_adjust = 0;
    std::string open_files;  ///< soft limits; "unlimited" as the kernel says it
    std::string core_bytes;
    std::string locked_bytes;
    std::string cgroup;  ///< of v2: the path in its hierarchy
    uint32_t uid = 0;
    int seccomp = 0;  ///< 2: under a filter
    bool no_new_privs = false;
    uint64_t capabilities = 0;  ///< the effective set
    bool outlives_supervisor = false;

    /// As a worker in its sandbox is (workers/runtime/SANDBOX.md); Landlock does not show itself.
    bool shut_in() const { return seccomp == 2 && no_new_privs && capabilities == 0; }
};

/// `folder` is /proc/PID; nothing when the process is gone.
std::optional<ProcessFacts> process_facts(const std::string& folder);

}  // namespace of::ofctl
