// One WebSocket connection: frames out in batches, control messages in, pings, and the documented limits.
//
// Made by the HTTP server after the upgrade; lives until its socket ends, and tells the hub then. Frames wait
// in a queue of at most queue_bytes_max; a client that lets it fill, or lets one write stand for
// slow_client_seconds, is cut and counted. What is queued at one moment goes out as one TLS write of up to
// write_bytes_max.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/exchange/hub.hpp"
#include "tests/exchange/options.hpp"
#include "tests/exchange/stream_requests.hpp"
#include "tests/exchange/ws_codec.hpp"

namespace of::exchange {

using TlsStream = boost::asio::ssl::stream<boost::beast::tcp_stream>;

class StreamSession final : public Client, public std::enable_shared_from_this<StreamSession> {
  public:
    struct Setup {
        Subscriptions subscriptions;
        bool in_micros = false;
        std::string first_bytes;  // what the client sent right behind its request
    };

    StreamSession(TlsStream stream, Hub& hub, StreamTable& streams, const SessionLimits& limits, Setup setup);
    void start();

    bool wants(StreamId stream) const override { return stream < wanted_.size() && wanted_[stream] && !closing_; }
    bool wants_any() const override { return !subscriptions_.streams.empty() && !closing_; }
    void deliver(const FramePtr& frame) override;
    void deliver_event(std::string_view name, std::string_view data) override;
    void flush() override;
    size_t queued_bytes() const override { return queued_bytes_; }
    bool idle() const override { return queue_.empty() && !writing_; }
    void close(uint16_t code, std::string_view reason) override;
    void cut(std::string_view reason) override;
    void pause_reading(int64_t ms) override;

  private:
    /// A frame shared with other clients, or bytes for this one alone (already a WebSocket frame).
    struct Item {
        FramePtr frame;
        std::string own;
    };

    void read();
    void on_read(size_t bytes);
    void on_message(const ws::Message& message);
    void on_pong(const std::string& payload);
    bool within_rate();
    void subscribe_wanted();
    void send_own(ws::Opcode opcode, std::string_view payload);
    void on_written();
    void watch();
    void on_watch();
    void end(std::string_view reason);
    void leave(std::string_view reason);
    void shut_down();

    static constexpr size_t write_bytes_max = 256 * 1024;
    static constexpr int64_t close_wait_ms = 2000;

    TlsStream stream_;
    Hub& hub_;
    StreamTable& streams_;
    const SessionLimits& limits_;
    Subscriptions subscriptions_;
    bool in_micros_;
    std::vector<bool> wanted_;
    ws::Decoder decoder_;
    std::array<char, 8192> input_{};
    std::deque<Item> queue_;
    size_t queued_bytes_ = 0;
    std::string output_;
    std::vector<FramePtr> batch_;
    boost::asio::steady_timer watch_timer_, read_timer_;
    std::deque<int64_t> incoming_ms_;                    // the newest incoming frames, for the rate
    std::deque<std::pair<std::string, int64_t>> pings_;  // unanswered: payload and time
    int64_t opened_ms_ = 0, next_ping_ms_ = 0, write_began_ms_ = 0, closing_since_ms_ = 0, read_after_ms_ = 0;
    bool writing_ = false, closing_ = false, peer_closed_ = false, ended_ = false;
    std::string close_reason_;
};

}  // namespace of::exchange
