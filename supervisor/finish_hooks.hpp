// Programs of the operator's that are run after each death of a worker: PROGRAM NAME CODE SIGNAL INCARNATION CAUSE.
//
// Owned by the supervisor's loop, which goes on meanwhile; a restart never waits for them. A hook leads a process group
// of its own, has /dev/null for its input, and is killed with its group when its time is over. What fails, and what
// finds too many of them at work, is told and not tried again.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "supervisor/asking.hpp"

namespace of::supervisor {

class FinishHooks {
  public:
    static constexpr std::chrono::milliseconds time_limit = std::chrono::seconds(5);
    static constexpr size_t running_max = 16;
    using Failed = std::function<void(const std::string& program, const std::string& worker, const std::string& why)>;

    FinishHooks(boost::asio::io_context& io, Failed failed) : io_(io), failed_(std::move(failed)) {}

    /// `words`: the worker's name first.
    void run(const std::string& program, std::vector<std::string> words);
    bool any() const { return !running_.empty(); }
    /// Once, when the last one has ended.
    void when_idle(std::function<void()> then) { then_ = std::move(then); }
    /// Those that are no strangers.
    void add_pids(std::vector<pid_t>& pids) const;

  private:
    void ended(std::list<Asking>::iterator hook);
    boost::asio::io_context& io_;
    Failed failed_;
    std::function<void()> then_;
    std::list<Asking> running_;
};

}  // namespace of::supervisor
