// Sleeping through a burst: when messages come faster than a reader needs to react, it lets them gather for a moment
// instead of being woken for each one.
//
// A nap is taken inside poll(), while the doorbell is not armed, so that writers pay no wake; timers, signals and the
// doorbells of others still run. Single messages far apart cause no nap. Costs at most `length` of latency for calls
// and commands.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>

#include "workers/runtime/clock.hpp"
#include "workers/runtime/options.hpp"

namespace of {

class Nap {
  public:
    Nap(boost::asio::io_context& io, WaitMode wait, std::chrono::nanoseconds length)
        : io_(io), length_(length), enabled_(wait == WaitMode::sleep) {}

    /// Call at the end of a poll() that read everything there was and may let more of it gather.
    void after_reading(size_t messages) {
        if (!enabled_ || messages == 0) return;
        const auto now = mono_ns();
        const bool burst = now - last_read_ns_ < length_.count();
        last_read_ns_ = now;
        if (!burst) return;
        io_.run_for(length_);
        last_read_ns_ = mono_ns();
    }

  private:
    boost::asio::io_context& io_;
    std::chrono::nanoseconds length_;
    bool enabled_;
    int64_t last_read_ns_ = 0;
};

}  // namespace of
