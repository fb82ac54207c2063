// Four trivial children under one supervisor: ours, a peer, or the floor. Everything lies in a folder of its own, and
// nothing is left of it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/restart_record.hpp"

namespace of::bench {

inline constexpr size_t children_each = 4;
/// daemontools, runit and s6 hold a child back that has not lived for a second.
inline constexpr int64_t life_ns = 1'100'000'000;

/// The children's notes, in a file that they map.
class Records {
  public:
    explicit Records(const std::filesystem::path& folder);
    ~Records();
    ChildRecord& operator[](size_t index) { return records_[index]; }
    std::string path() const { return path_; }

  private:
    std::string path_;
    ChildRecord* records_ = nullptr;
};

/// How to start a kind of supervisor.
struct SupervisorKind {
    std::string key;
    std::string name;
    std::function<pid_t(const std::filesystem::path& folder)> start;
    bool ours = false;
    bool one_process = false;  ///< the process that is started is the one that starts children anew
};

class Supervised {
  public:
    /// Starts it, and waits until all of its children are there. Throws if they do not come.
    Supervised(const SupervisorKind& kind, const std::filesystem::path& parent);
    ~Supervised();
    Supervised(const Supervised&) = delete;

    const SupervisorKind& kind() const { return kind_; }
    ChildRecord& child(size_t index) { return (*records_)[index]; }
    pid_t pid() const { return pid_; }
    /// From the start of the supervisor to the last child's first statement, and to the last child's ready, ns.
    int64_t spawned_ns() const { return spawned_ns_; }
    int64_t start_ns() const { return start_ns_; }

  private:
    SupervisorKind kind_;
    std::filesystem::path folder_;
    std::unique_ptr<Records> records_;
    pid_t pid_ = 0;
    int64_t spawned_ns_ = 0;
    int64_t start_ns_ = 0;
};

/// Those that are installed; what is missing is named in `absent`.
std::vector<SupervisorKind> supervisor_kinds(std::vector<std::string>& absent);

/// Everything that this process has started, children of children included, ends. It has to be their subreaper.
void end_descendants();

/// Starts a program in `folder`; its output goes to the file `output` there unless it is not `silent`. Throws if it
/// cannot be started.
pid_t spawn(const std::vector<std::string>& command, const std::filesystem::path& folder, bool silent = true);

/// The ofsupervisor of the build that this program belongs to.
std::filesystem::path supervisor_program();

int64_t monotonic_ns();

/// The value at `share` of 0 to 1, in ms; 0 of none.
double ms_at(const std::vector<int64_t>& sorted_ns, double share);

/// What all threads of a process have had of the cores, and how often they went to sleep.
struct Spent {
    int64_t on_core_ns = 0;
    int64_t wakes = 0;
};
Spent spent_by(pid_t pid);

}  // namespace of::bench
