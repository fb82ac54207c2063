// One TLS WebSocket connection to the exchange's combined streams. It connects when told to, hands over each
// frame where it lies, and says once that it was lost; when to try again is its owner's matter.
//
// Pings are answered at once by the library. After `frames_per_turn` frames it stops reading until the next
// turn of the worker's loop, so that calls, heartbeats and timers have their share under any load: the
// socket's buffer holds the rest, and the exchange's own patience is the bound. Owned by the feed's thread;
// callbacks come from its event loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>

#include "workers/binance/frame.hpp"
#include "workers/binance/url.hpp"

namespace of::binance {

class LineEvents {
  public:
    virtual ~LineEvents() = default;
    virtual void on_connected() = 0;
    /// `text` has decoder.hpp's frame_padding readable bytes behind it, and is gone when this returns. The
    /// times are those right after the read.
    virtual void on_frame(std::string_view text, int64_t wall_ns, int64_t mono_ns) = 0;
    /// The connection, or the attempt, is over. `retry_after_ms`: the server asked for so long a pause; 0 if
    /// it did not.
    virtual void on_lost(const std::string& reason, int64_t retry_after_ms) = 0;
};

struct LineTarget {
    Url url;
    std::string target;  ///< path and query of the upgrade request
};

class Line {
  public:
    static constexpr size_t frames_per_turn = 256;
    static constexpr int64_t connect_timeout_ms = 10'000;  ///< for name, TCP, TLS and upgrade together
    static constexpr int64_t close_timeout_ms = 1'000;

    Line(boost::asio::io_context& io, boost::asio::ssl::context& tls, LineTarget target);
    ~Line();
    Line(const Line&) = delete;

    /// Begins an attempt; whatever there was before is dropped without a word.
    void connect(LineEvents& events);
    /// Ends the connection as lost, with this reason, if there is one.
    void fail(const std::string& reason);
    /// Says goodbye (a close frame, briefly waited for). on_lost is not called any more.
    void close();

    bool open() const;
    bool closed() const;  ///< nothing is open or under way
    /// Reads on after a pause; returns whether it had paused.
    bool next_turn();
    bool paused() const;
    /// Monotonic time of the last frame of any kind, pings too.
    int64_t last_activity_ns() const;

  private:
    struct Session;
    boost::asio::io_context* io_;
    boost::asio::ssl::context* tls_;
    LineTarget target_;
    std::shared_ptr<Session> session_;
};

}  // namespace of::binance
