#include "tests/exchange/stream_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/write.hpp>

#include "tests/exchange/clock.hpp"

namespace of::exchange {

namespace {

using boost::system::error_code;

int64_t to_ms(double seconds) { return static_cast<int64_t>(seconds * 1000); }

}  // namespace

StreamSession::StreamSession(TlsStream stream, Hub& hub, StreamTable& streams, const SessionLimits& limits, Setup setup)
    : stream_(std::move(stream)),
      hub_(hub),
      streams_(streams),
      limits_(limits),
      subscriptions_(std::move(setup.subscriptions)),
      in_micros_(setup.in_micros),
      watch_timer_(stream_.get_executor()),
      read_timer_(stream_.get_executor()) {
    decoder_.feed(setup.first_bytes);
}

void StreamSession::start() {
    boost::beast::get_lowest_layer(stream_).expires_never();
    opened_ms_ = steady_ms();
    next_ping_ms_ = opened_ms_ + to_ms(limits_.ping_seconds);
    subscribe_wanted();
    watch();
    on_read(0);
}

void StreamSession::subscribe_wanted() {
    wanted_.assign(streams_.size(), false);
    for (const auto& name : subscriptions_.streams) {
        const StreamId id = streams_.intern(name);
        if (wanted_.size() <= id) wanted_.resize(id + 1);
        wanted_[id] = true;
    }
    hub_.subscriptions_changed();
}

void StreamSession::deliver(const FramePtr& frame) {
    if (closing_ || ended_) return;
    queued_bytes_ += frame->bytes(subscriptions_.combined, in_micros_).size();
    queue_.push_back({frame, {}});
    if (queued_bytes_ <= limits_.queue_bytes_max) return;
    hub_.note_overrun();
    cut("did not read: its queue is full");
}

void StreamSession::deliver_event(std::string_view name, std::string_view data) {
    const auto frame = make_frame(0, name, data);
    send_own(ws::Opcode::text, frame->bytes(subscriptions_.combined, false));
}

void StreamSession::send_own(ws::Opcode opcode, std::string_view payload) {
    if (closing_ || ended_) return;
    Item item;
    ws::append_frame(item.own, opcode, payload);
    queued_bytes_ += item.own.size();
    queue_.push_back(std::move(item));
}

void StreamSession::flush() {
    if (writing_ || ended_ || queue_.empty()) return;
    output_.clear();
    while (!queue_.empty() && output_.size() < write_bytes_max) {
        Item& item = queue_.front();
        if (item.frame) {
            const std::string_view bytes = item.frame->bytes(subscriptions_.combined, in_micros_);
            ws::append_frame(output_, ws::Opcode::text, bytes);
            queued_bytes_ -= std::min(queued_bytes_, bytes.size());
            batch_.push_back(std::move(item.frame));
        } else {
            output_ += item.own;
            queued_bytes_ -= std::min(queued_bytes_, item.own.size());
        }
        queue_.pop_front();
    }
    if (queue_.empty()) queued_bytes_ = 0;
    writing_ = true;
    write_began_ms_ = steady_ms();
    boost::asio::async_write(stream_, boost::asio::buffer(output_),
                             [self = shared_from_this()](error_code error, size_t) {
                                 self->writing_ = false;
                                 if (error) return self->end("its connection broke while writing");
                                 self->on_written();
                             });
}

void StreamSession::on_written() {
    for (const auto& frame : batch_) hub_.note_sent(*frame);
    batch_.clear();
    if (ended_) return;
    if (closing_ && queue_.empty() && peer_closed_) return shut_down();
    flush();
    if (hub_.on_progress) hub_.on_progress();
}

void StreamSession::read() {
    if (ended_) return;
    if (const int64_t wait_ms = read_after_ms_ - steady_ms(); wait_ms > 0) {
        read_timer_.expires_after(std::chrono::milliseconds(wait_ms));
        read_timer_.async_wait([self = shared_from_this()](error_code error) {
            if (!error) self->read();
        });
        return;
    }
    stream_.async_read_some(boost::asio::buffer(input_), [self = shared_from_this()](error_code error, size_t bytes) {
        if (error) return self->end(self->closing_ ? self->close_reason_ : "it went away");
        // A read that was under way when a slow_read fault struck: its bytes wait as well.
        const int64_t wait_ms = self->read_after_ms_ - steady_ms();
        if (wait_ms <= 0) return self->on_read(bytes);
        self->read_timer_.expires_after(std::chrono::milliseconds(wait_ms));
        self->read_timer_.async_wait([self, bytes](error_code) { self->on_read(bytes); });
    });
}

void StreamSession::on_read(size_t bytes) {
    decoder_.feed({input_.data(), bytes});
    while (!ended_ && !peer_closed_) {
        const auto message = decoder_.next();
        if (!message) {
            close(message.error().close_code, message.error().text);
            break;
        }
        if (!*message) break;
        on_message(**message);
    }
    flush();
    if (!peer_closed_) read();
}

bool StreamSession::within_rate() {
    const int64_t now_ms = steady_ms();
    while (!incoming_ms_.empty() && incoming_ms_.front() <= now_ms - 1000) incoming_ms_.pop_front();
    incoming_ms_.push_back(now_ms);
    return incoming_ms_.size() <= limits_.incoming_per_second_max;
}

void StreamSession::on_message(const ws::Message& message) {
    if (message.opcode == ws::Opcode::close) {
        peer_closed_ = true;
        const uint16_t code = ws::close_code_of(message.payload);
        if (!closing_) return close(code, "");
        if (queue_.empty() && !writing_) shut_down();
        return;
    }
    if (closing_) return;
    if (!within_rate()) return close(ws::close_policy, "Too many requests");
    if (message.opcode == ws::Opcode::ping) return send_own(ws::Opcode::pong, message.payload);
    if (message.opcode == ws::Opcode::pong) return on_pong(message.payload);
    const auto before = subscriptions_.streams;
    send_own(ws::Opcode::text, answer_request(message.payload, subscriptions_));
    if (subscriptions_.streams != before) subscribe_wanted();
}

/// Only the echo of a ping counts; it answers the earlier ones too (RFC 6455, section 5.5.3).
void StreamSession::on_pong(const std::string& payload) {
    const auto answered =
        std::find_if(pings_.begin(), pings_.end(), [&](const auto& ping) { return ping.first == payload; });
    if (answered != pings_.end()) pings_.erase(pings_.begin(), answered + 1);
}

void StreamSession::pause_reading(int64_t ms) { read_after_ms_ = steady_ms() + ms; }

void StreamSession::watch() {
    const int64_t shortest_ms = to_ms(
        std::min({limits_.ping_seconds, limits_.pong_seconds, limits_.lifetime_seconds, limits_.slow_client_seconds}));
    watch_timer_.expires_after(std::chrono::milliseconds(std::clamp<int64_t>(shortest_ms / 8, 5, 250)));
    watch_timer_.async_wait([self = shared_from_this()](error_code error) {
        if (error || self->ended_) return;
        self->on_watch();
        if (!self->ended_) self->watch();
    });
}

void StreamSession::on_watch() {
    const int64_t now_ms = steady_ms();
    if (writing_ && now_ms - write_began_ms_ > to_ms(limits_.slow_client_seconds)) {
        hub_.note_overrun();
        return cut("did not read: a write stood still");
    }
    if (closing_) {
        if (now_ms - closing_since_ms_ > close_wait_ms) cut(close_reason_);
        return;
    }
    if (!pings_.empty() && now_ms - pings_.front().second > to_ms(limits_.pong_seconds)) return cut("no pong");
    if (now_ms - opened_ms_ > to_ms(limits_.lifetime_seconds))
        return close(ws::close_going_away, "connection lifetime is over");
    if (now_ms < next_ping_ms_) return;
    next_ping_ms_ += to_ms(limits_.ping_seconds);
    pings_.emplace_back(fmt::format("{}", wall_us() / 1000), now_ms);
    send_own(ws::Opcode::ping, pings_.back().first);
    flush();
}

void StreamSession::close(uint16_t code, std::string_view reason) {
    if (closing_ || ended_) return;
    send_own(ws::Opcode::close, code == 0 ? std::string() : ws::close_payload(code, reason));
    closing_ = true;
    closing_since_ms_ = steady_ms();
    close_reason_ = peer_closed_ ? "closed by the client" : fmt::format("closed: {}", reason);
    flush();
}

/// The WebSocket is closed on both sides: TLS is ended in order too, within the time that a close may take.
void StreamSession::shut_down() {
    if (ended_) return;
    leave(close_reason_);
    boost::beast::get_lowest_layer(stream_).expires_after(std::chrono::milliseconds(close_wait_ms));
    stream_.async_shutdown(
        [self = shared_from_this()](error_code) { boost::beast::get_lowest_layer(self->stream_).close(); });
}

void StreamSession::cut(std::string_view reason) { end(reason); }

void StreamSession::end(std::string_view reason) {
    if (ended_) return;
    boost::beast::get_lowest_layer(stream_).close();
    leave(reason);
}

void StreamSession::leave(std::string_view reason) {
    ended_ = true;
    watch_timer_.cancel();
    read_timer_.cancel();
    queue_.clear();
    queued_bytes_ = 0;
    hub_.remove(this, reason);
}

}  // namespace of::exchange
