// The workers' leaves in cgroup v2, where the host has delegated a subtree to us (systemd: Delegate=yes).
//
// The supervisor moves into a leaf of its own, since a cgroup with controllers may hold no processes, and makes one for
// each worker. Where nothing is delegated, or a controller is missing, workers run without those limits; limit()
// says which.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace of::supervisor {

/// Of one worker; 0 is no limit.
struct CgroupLimits {
    int64_t memory_bytes = 0;
    int64_t cpu_weight = 100;
    int64_t tasks_max = 0;
    bool operator==(const CgroupLimits&) const = default;
};

class Cgroups {
  public:
    Cgroups() = default;
    /// Takes the subtree of the cgroup that this process runs in. `folder` is its path; "" finds it.
    static Cgroups open(std::string folder = "");
    Cgroups(Cgroups&& other) noexcept { *this = std::move(other); }
    Cgroups& operator=(Cgroups&& other) noexcept {
        std::swap(folder_, other.folder_);
        std::swap(leaves_, other.leaves_);
        return *this;
    }
    /// Removes the empty leaves. The supervisor's own goes with the service.
    ~Cgroups();

    bool delegated() const { return !folder_.empty(); }
    /// Makes the leaf of a worker, or changes its limits; keys of the configuration that have no effect, each with why.
    std::vector<std::string> limit(const std::string& worker, const CgroupLimits& limits);
    /// Of its leaf; "" for none.
    std::string folder_of(const std::string& worker) const;
    /// Processes of its leaf that the OOM killer has ended; 0 without a leaf.
    uint64_t oom_kills(const std::string& worker) const;
    /// cgroup.procs of its leaf, open for writing; -1 for none.
    int leaf(const std::string& worker) const;

  private:
    std::string folder_;
    std::map<std::string, int> leaves_;
};

}  // namespace of::supervisor
