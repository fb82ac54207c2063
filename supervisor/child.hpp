// One child process: started with fork and execve, watched by its pidfd, never signalled by number.
#pragma once

#include <csignal>
#include <string>
#include <vector>

#include "shm/error.hpp"

namespace of::supervisor {

/// How a child ended.
struct Death {
    int exit_code = 0;  ///< -1 when a signal ended it
    int signal = 0;
    bool core = false;

    /// "exit code 3", "signal 9 (Killed)", "signal 6 (Aborted), core dumped"
    std::string describe() const;
};

class Child {
  public:
    Child() = default;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { forget(); }

    /// Runs `argv`; stdin is /dev/null, stderr is a pipe whose reading end is errors(). Descriptors that are not
    /// close-on-exec are inherited.
    Expected<void> spawn(const std::vector<std::string>& argv);
    /// After pidfd() became readable: how it ended. The process is gone for good and can write no more.
    Death reap();
    /// Through the pidfd: can only reach this child.
    void signal(int number) const;

    bool runs() const { return pid_ > 0; }
    pid_t pid() const { return pid_; }
    int pidfd() const { return pidfd_; }
    int errors() const { return errors_; }

  private:
    void forget();
    pid_t pid_ = 0;
    int pidfd_ = -1;
    int errors_ = -1;
};

}  // namespace of::supervisor
