// One child process: executed from a descriptor that was opened when the supervisor started, watched by its pidfd,
// never signalled by number.
//
// The child shares nothing with the supervisor but what SpawnSpec names: every other descriptor is close-on-exec by
// close_range. It leads a process group of its own, so that whatever it may have started can be ended with it.
#pragma once

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "shm/error.hpp"
#include "supervisor/death.hpp"
#include "supervisor/resources.hpp"

namespace of::supervisor {

struct SpawnSpec {
    int program = -1;               ///< descriptor of the file to execute
    std::string path;               ///< its name: argv[0], and what a script's interpreter is given
    std::vector<std::string> argv;  ///< without argv[0]
    std::vector<int> inherited;  ///< descriptors that it keeps, besides stdin (/dev/null), stdout and stderr (a pipe)
    bool joins_output = false;   ///< its stdout is the pipe as well
    bool outlives_us = false;    ///< no signal comes to it when this process dies
    Resources resources;
    int cgroup = -1;  ///< cgroup.procs of its leaf, open for writing; -1 for none
};

class Child {
  public:
    Child() = default;
    Child(const Child&) = delete;
    Child(Child&& other) noexcept { *this = std::move(other); }
    Child& operator=(Child&& other) noexcept;
    ~Child() { forget(); }

    /// stderr is a pipe whose reading end is errors(). Returns when the program has been executed or has failed to be.
    Expected<void> spawn(const SpawnSpec& spec);
    /// A child that the program which we were before execve has left us. Or a dead supervisor's, which is no child of
    /// ours: watched and signalled in the same way, but the kernel (Linux 6.15) may not be able to tell how it ended.
    void adopt(pid_t pid, int pidfd, int errors, bool is_child = true);
    /// What its pidfd says now. To be asked before reap(): a loop's notice may be of the descriptor that had the number
    /// before, when both were ready at one time.
    bool ended() const;
    /// After it has ended(): ends the rest of its process group, and says how it ended. The process is gone
    /// for good and can write no more.
    Death reap();
    /// Its exit code if it has exited and is yet to be reaped; nothing while it runs or if a signal ended it.
    std::optional<int> peek() const;
    /// Through the pidfd: can only reach this child.
    void signal(int number) const;
    /// The process group that it leads; only before reap().
    void signal_group(int number) const;

    bool runs() const { return pid_ > 0; }
    pid_t pid() const { return pid_; }
    int pidfd() const { return pidfd_; }
    int errors() const { return errors_; }
    bool is_child() const { return is_child_; }

  private:
    void forget();
    Death wait_for_status() const;
    bool is_child_ = true;
    pid_t pid_ = 0;
    int pidfd_ = -1;
    int errors_ = -1;
};

}  // namespace of::supervisor
