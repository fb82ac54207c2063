// One WebSocket client: reads its requests, and sends it what its queue holds, many messages in one write.
//
// Never blocks the loop: writes take what the socket takes, and then wait for it. What does not fit the bounded queue
// is dropped, counted and told; a client that keeps losing is closed with a reason, and so is one that answers no ping.
// A session that has failed ignores what it is given until its owner, told by on_closed, lets it go.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "workers/communication/client_queue.hpp"
#include "workers/communication/hold.hpp"
#include "workers/communication/settings.hpp"
#include "workers/communication/ws_codec.hpp"
#include "workers/runtime/runtime.hpp"

namespace of::communication {

class WsSession;

/// The owner of the sessions.
class SessionOwner {
  public:
    virtual ~SessionOwner() = default;
    virtual void on_text(WsSession& session, std::string_view text) = 0;
    /// Called from the event loop, once, never from within a call to the session.
    virtual void on_closed(WsSession& session, const std::string& why) = 0;
};

/// What all sessions count, and where they leave their hops.
struct Delivery {
    explicit Delivery(Runtime& runtime);
    void done(const std::vector<FrameRef>& frames);

    Runtime& runtime;
    Counter delivered;
    Counter dropped;
    Counter conflated;
    Histogram receive_to_socket;
};

class WsSession : public std::enable_shared_from_this<WsSession> {
  public:
    WsSession(boost::asio::ip::tcp::socket socket, uint64_t number, SessionOwner& owner, Delivery& delivery,
              const CommunicationSettings& settings);

    /// `early`: bytes that came behind the handshake.
    void start(std::string_view early);

    void answer(std::string_view json);
    void stored(FrameRef frame) { queue_.stored(std::move(frame)); }
    void stored(std::string_view json) { queue_.stored(encode_frame(Opcode::text, json)); }
    void offer_trade(uint32_t topic, const FrameRef& frame);
    void offer_quote(uint32_t topic, const FrameRef& frame);
    void note_lost(uint64_t count);
    /// Sends what waits, as far as the socket takes it. Call after offering.
    void flush();
    /// Each 100 ms: pings, and the end of those who do not answer or keep losing.
    void tick(int64_t now_ns);

    /// Says why, and closes once that is sent (or cannot be sent within a second).
    void close(CloseCode code, std::string_view reason);
    /// Closes at once and forgets everything.
    void abort();

    /// Whether it was already marked to be flushed; marks it.
    bool touch() { return std::exchange(touched_, true); }

    uint64_t number() const { return number_; }
    bool open() const { return state_ == State::open; }

    // Stored trades before live ones (backlog.hpp).
    Hold& hold(uint32_t topic, uint64_t after, uint64_t number) {
        return holds_.emplace_back(number, topic, after, settings_.client_queue_max);
    }
    Hold* find_hold(uint32_t topic);
    void release_hold(uint32_t topic, uint64_t settled);
    void drop_hold(uint32_t topic);

  private:
    enum class State : uint8_t { open, closing, closed };

    void read();
    void on_read(const boost::system::error_code& error, size_t bytes);
    void handle(MessageReader::Event event);
    bool fill();
    void append(ClientQueue::Next next);
    void push_trade(const FrameRef& frame);
    void wait_writable();
    void end_sending();
    void fail(std::string why);

    boost::asio::ip::tcp::socket socket_;
    uint64_t number_;
    SessionOwner& owner_;
    Delivery& delivery_;
    const CommunicationSettings& settings_;
    State state_ = State::open;
    MessageReader reader_;
    ClientQueue queue_;
    std::vector<Hold> holds_;
    std::string out_;  ///< bytes of the write that is under way
    size_t sent_ = 0;
    std::vector<FrameRef> in_flight_;  ///< whose last byte lies in out_
    bool touched_ = false;
    bool waiting_ = false;  ///< for the socket to take more
    std::string close_frame_;
    std::string close_reason_;
    bool client_done_ = false;  ///< its close frame was read
    int64_t closing_since_ns_ = 0;
    int64_t losing_since_ns_ = 0;
    int64_t heard_ns_ = 0;
    int64_t pinged_ns_ = 0;
};

}  // namespace of::communication
