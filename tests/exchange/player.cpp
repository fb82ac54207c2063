#include "tests/exchange/player.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "tests/exchange/clock.hpp"

namespace of::exchange {

Player::Player(boost::asio::io_context& io, Market& market, Hub& hub, double speed)
    : io_(io), timer_(io), market_(market), hub_(hub), speed_(speed) {
    hub_.on_subscribed = [this] { start(); };
    hub_.on_progress = [this] {
        if (speed_ == 0) pump();
    };
}

void Player::start() {
    if (started_) return;
    started_ = true;
    origin_ns_ = paused_at_ns_ = steady_ns();
    hub_.say("the market begins");
    pump();
}

void Player::pause() {
    if (paused_) return;
    paused_ = true;
    paused_at_ns_ = steady_ns();
    timer_.cancel();
}

void Player::resume() {
    if (!paused_) return;
    paused_ = false;
    origin_ns_ += steady_ns() - paused_at_ns_;
    pump();
}

void Player::finish() {
    if (ended_) return;
    started_ = true;
    frames_.clear();
    market_.finish(wall_us(), frames_);
    for (const auto& frame : frames_) hub_.publish(frame);
    end();
}

int64_t Player::position_ns() const {
    return static_cast<int64_t>(static_cast<double>(steady_ns() - origin_ns_) * speed_);
}

/// Always from the event loop, never from inside a client's call: a pump may end clients.
void Player::pump() {
    if (posted_) return;
    posted_ = true;
    boost::asio::post(io_, [this] {
        posted_ = false;
        if (!started_ || paused_ || ended_) return;
        speed_ == 0 ? pump_unpaced() : pump_paced();
    });
}

void Player::play_one() {
    frames_.clear();
    market_.play_next(wall_us(), frames_);
    for (const auto& frame : frames_) hub_.publish(frame);
}

void Player::pump_paced() {
    const int64_t position = position_ns();
    for (int i = 0; i < frames_at_once_max; ++i) {
        const auto due_ns = market_.next_due_ns();
        if (!due_ns) return end();
        if (*due_ns > position) {
            hub_.flush();
            return wake_at(*due_ns);
        }
        if (market_.mode() == "synthetic" && position - *due_ns > lag_max_ns) {
            origin_ns_ += static_cast<int64_t>(static_cast<double>(position - *due_ns) / speed_);
        }
        play_one();
    }
    hub_.flush();
    pump();
}

void Player::pump_unpaced() {
    for (int i = 0; i < frames_at_once_max && hub_.has_room(); ++i) {
        if (!market_.next_due_ns()) return end();
        play_one();
    }
    hub_.flush();
    if (hub_.has_room()) pump();
}

void Player::wake_at(int64_t due_ns) {
    const auto wait_ns = static_cast<int64_t>(static_cast<double>(due_ns - position_ns()) / speed_);
    timer_.expires_after(std::chrono::nanoseconds(std::max(wait_ns, speed_ > 1 ? pause_min_ns : 0)));
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error) pump();
    });
}

void Player::end() {
    ended_ = true;
    timer_.cancel();
    hub_.settle();
    hub_.say("the market has ended");
}

}  // namespace of::exchange
