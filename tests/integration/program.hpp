// A program that a run starts: in a session of its own, so that Ctrl-C reaches the run alone, which stops all in order.
//
// The kernel sends it `death_signal` should the run itself be killed. Killed and reaped at the end of the scope.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

#include "shm/error.hpp"
#include "tests/integration/interrupt.hpp"

namespace of::integration {

struct Launch {
    std::string path;
    std::vector<std::string> arguments;
    std::string output;  ///< file for what it writes to stdout and stderr; appended to
    int death_signal = SIGTERM;
};

class Program {
  public:
    static Expected<Program> start(const Launch& launch);
    Program(Program&& other) noexcept;
    Program& operator=(Program&& other) noexcept;
    ~Program();

    pid_t pid() const { return pid_; }
    bool ended();
    /// Minus the signal for one that was killed; only after ended().
    int exit_code() const { return exit_code_; }
    void signal(int number) const;
    /// SIGTERM, and whether it ended in time.
    bool stop(Milliseconds limit);
    /// The last lines of its output.
    std::string last_words() const;

  private:
    Program(pid_t pid, std::string output);

    pid_t pid_ = 0;
    int exit_code_ = 0;
    std::string output_;
};

/// A program of this build by its path from the build folder's root: "supervisor/ofsupervisor".
std::string built_program(const std::string& path);

}  // namespace of::integration
