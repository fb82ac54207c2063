// A program that is run to its end for what it prints: its standard output and error, up to a limit, within a time.
// Owned by the supervisor's loop, which goes on meanwhile.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "supervisor/child.hpp"

namespace of::supervisor {

class Asking {
  public:
    static constexpr size_t output_bytes_max = 64 << 10;
    static constexpr std::chrono::milliseconds time_limit = std::chrono::seconds(20);
    /// Called once, from the loop. -1: it did not end in time, or a signal ended it.
    using Answer = std::function<void(int exit_code, const std::string& output)>;

    explicit Asking(boost::asio::io_context& io) : output_(io), death_(io), timer_(io) {}
    Asking(const Asking&) = delete;
    ~Asking();

    Expected<void> begin(const SpawnSpec& spec, Answer answer, std::chrono::milliseconds limit = time_limit);
    pid_t pid() const { return child_.pid(); }

  private:
    void read_more();
    void wait_for_end();
    Child child_;
    boost::asio::posix::stream_descriptor output_;
    boost::asio::posix::stream_descriptor death_;
    boost::asio::steady_timer timer_;
    std::array<char, 4096> buffer_{};
    std::string text_;
    Answer answer_;
};

}  // namespace of::supervisor
