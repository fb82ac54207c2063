// The market's clock: decides when the market plays its next frames, and hands them to the hub. Owned by the
// Exchange.
//
// Paced: a frame is due at (its market time) / speed after the start, whether or not anybody is connected;
// late frames follow at once, in order. Unpaced (`max`): as fast as every subscriber reads, and not at all
// without one.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <vector>

#include "tests/exchange/hub.hpp"
#include "tests/exchange/market.hpp"

namespace of::exchange {

class Player {
  public:
    /// `speed` 0 means unpaced.
    Player(boost::asio::io_context& io, Market& market, Hub& hub, double speed);

    void start();
    void pause();
    void resume();
    void finish();  // ends the market now

    bool started() const { return started_; }
    bool paused() const { return paused_; }
    bool finished() const { return ended_ && hub_.idle(); }  // all played, and flushed to whoever is connected

  private:
    void pump();
    void pump_paced();
    void pump_unpaced();
    void play_one();
    void end();
    void wake_at(int64_t due_ns);
    int64_t position_ns() const;

    static constexpr int frames_at_once_max = 2048;
    static constexpr int64_t pause_min_ns = 1'000'000;    // one TLS record for all frames of a millisecond
    static constexpr int64_t lag_max_ns = 2'000'000'000;  // a synthetic market that slept longer leaves it out

    boost::asio::io_context& io_;
    boost::asio::steady_timer timer_;
    Market& market_;
    Hub& hub_;
    double speed_;
    bool started_ = false, paused_ = false, ended_ = false, posted_ = false;
    int64_t origin_ns_ = 0;  // the steady time of market time zero, at this speed
    int64_t paused_at_ns_ = 0;
    std::vector<FramePtr> frames_;
};

}  // namespace of::exchange
