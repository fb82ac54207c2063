// The connections of the feed: one that carries the streams, and for a moment a second one that takes over
// from it.
//
// Reconnects for ever with capped, jittered back-off. A connection that has come of age, or that the exchange
// has announced to end, is replaced while it still runs: the younger one carries only what continues without
// a hole until it has brought every symbol, then the older one is closed. Frames of both go to one LegEvents.
// Owned by Feed; one thread.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "shm/governor.hpp"
#include "workers/binance/backoff.hpp"
#include "workers/binance/config.hpp"

namespace of::binance {

class LegEvents {
  public:
    virtual ~LegEvents() = default;
    virtual void on_connecting(uint32_t attempt) = 0;
    virtual void on_up() = 0;
    /// The budget of connections is spent: the next attempt waits.
    virtual void on_held(int64_t wait_ms) = 0;
    /// `overlapping`: another line still runs; the frame must not open a gap. Returns the index of the symbol
    /// that it has carried on, or -1.
    virtual int on_leg_frame(std::string_view text, int64_t wall_ns, int64_t mono_ns, bool overlapping) = 0;
    virtual void on_down(const std::string& reason, uint32_t attempt, int64_t delay_ms) = 0;
    virtual void on_rotated() = 0;
};

class Legs {
  public:
    static constexpr int64_t healthy_ns =
        60'000'000'000;  ///< open for so long: the next loss begins at the first delay
    static constexpr int64_t overlap_min_ns = 1'000'000'000;
    static constexpr int64_t overlap_max_ns = 10'000'000'000;  ///< then the younger takes over whatever it has brought
    static constexpr int64_t rotate_retry_ns = 5'000'000'000;

    Legs(boost::asio::io_context& io, boost::asio::ssl::context& tls, const Config& config, LegEvents& events,
         shm::VenueBudget budget, uint64_t seed);

    void connect();
    /// Replaces the connection while it runs.
    void rotate(int64_t now_ns);
    void close();
    bool closed() const;
    /// Drops a dead line, ends an overlap, begins a rotation, forgets closed lines.
    void tick(int64_t now_ns);
    bool next_turn();
    bool paused() const;
    bool up() const { return main_ && main_->line.open(); }
    /// Up, with nothing begun that a tick must end.
    bool steady() const { return up() && !young_ && retired_.empty(); }

  private:
    struct Leg : LineEvents {
        Leg(Legs& owner, boost::asio::io_context& io, boost::asio::ssl::context& tls, const LineTarget& target)
            : legs(owner), line(io, tls, target) {}
        void on_connected() override { legs.on_connected(*this); }
        void on_frame(std::string_view text, int64_t wall_ns, int64_t mono_ns) override {
            legs.on_frame(*this, text, wall_ns, mono_ns);
        }
        void on_lost(const std::string& reason, int64_t retry_after_ms) override {
            legs.on_lost(*this, reason, retry_after_ms);
        }

        Legs& legs;
        Line line;
        int64_t opened_ns = 0;
        std::vector<bool> carried;  ///< by symbol; of the younger one
    };
    using LegPtr = std::unique_ptr<Leg>;

    void on_connected(Leg& leg);
    void on_frame(Leg& leg, std::string_view text, int64_t wall_ns, int64_t mono_ns);
    void on_lost(Leg& leg, const std::string& reason, int64_t retry_after_ms);
    void connect_after(std::chrono::nanoseconds delay);
    void reconnect_later(const std::string& reason, int64_t retry_after_ms, int64_t opened_ns);
    void take_over();
    bool overlap_is_over(int64_t now_ns) const;
    LegPtr make_leg();

    boost::asio::io_context& io_;
    boost::asio::ssl::context& tls_;
    const Config& config_;
    LegEvents& events_;
    shm::VenueBudget budget_;
    Chance chance_;
    boost::asio::steady_timer timer_;
    LegPtr main_;
    LegPtr young_;
    std::vector<LegPtr> retired_;
    uint32_t attempt_ = 0;  ///< failed in a row
    int64_t rotate_at_ns_ = 0;
    bool closing_ = false;
};

}  // namespace of::binance
