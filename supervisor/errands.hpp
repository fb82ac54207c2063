// Programs that the supervisor sends out for what they print, one after the other, while the loop goes on. A bounded
// queue: what finds it full is refused, and the asker says so.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <optional>

#include "supervisor/asking.hpp"

namespace of::supervisor {

struct Errand {
    SpawnSpec spec;
    std::vector<int> files;             ///< of spec.inherited those that are closed when the program has them
    std::chrono::milliseconds wait{0};  ///< before it begins
    Asking::Answer answer;              ///< also called, with -1 and why, when it could not be begun
};

class Errands {
  public:
    static constexpr size_t waiting_max = 16;

    explicit Errands(boost::asio::io_context& io) : io_(io), timer_(io) {}
    Errands(const Errands&) = delete;
    ~Errands();

    /// False when the queue is full; its files are closed then.
    bool add(Errand errand);
    bool idle() const { return !asking_ && waiting_.empty(); }
    /// Of the program that runs now; 0 for none.
    pid_t pid() const { return asking_ ? asking_->pid() : 0; }

  private:
    void begin_next();
    void begin();
    boost::asio::io_context& io_;
    boost::asio::steady_timer timer_;
    std::deque<Errand> waiting_;  ///< the first one is on its way, or about to be
    std::optional<Asking> asking_;
};

}  // namespace of::supervisor
