// Runs a command under ptrace, with all that descends from it, and carries out orders (order.hpp) on its system calls.
// Whoever has no order runs at full speed: only its births, executions and signals are seen. All traced processes die
// with the tracer.
//
// One thread. Results go to standard output, a line each: "ID hit PID CALL", or "ID missed" when the process ended
// first.
#pragma once

#include <sys/types.h>

#include <deque>
#include <map>
#include <optional>

#include "tests/chaos/order.hpp"

namespace of::chaos {

class Tracer {
  public:
    /// The command under trace; false when that is not allowed here.
    bool run(char** argv);
    void take(Order order);
    /// Deals with all that has happened; false when the command has ended.
    bool poll();
    /// Of the command, as waitpid gives it.
    int status() const { return status_; }
    pid_t command() const { return command_; }

  private:
    /// Told to one process; its threads share it.
    struct Strike {
        Order order;
        uint64_t seen = 0;
        std::optional<uint64_t> third_argument;  ///< to be restored when the shortened call returns
        pid_t thread = 0;                        ///< whose call is to be changed when it returns
    };
    struct Process {
        std::string program;
        std::optional<Strike> strike;
    };
    struct Thread {
        pid_t process = 0;
    };

    void ended(pid_t thread, int status);
    void stopped(pid_t thread, int status);
    void executed(pid_t thread);
    void at_call(pid_t thread);
    void enter(pid_t thread, Process& process);
    void leave(pid_t thread, Process& process);
    void go_on(pid_t thread, int signal = 0);
    void tell(pid_t thread, Process& process, long call);
    static void missed(const Order& order);
    void arm(pid_t pid, Process& process, Order order);
    Process& process_of(pid_t thread);

    pid_t command_ = 0;
    int status_ = 0;
    bool over_ = false;
    std::map<pid_t, Process> processes_;
    std::map<pid_t, Thread> threads_;
    std::deque<Order> waiting_;  ///< for the start of a process
};

}  // namespace of::chaos
