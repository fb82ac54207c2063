#include "workers/communication/ws_session.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>

#include "workers/communication/frames.hpp"

namespace of::communication {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t write_bytes = 32 * 1024;  ///< gathered into one write
constexpr int send_buffer_bytes = 256 * 1024;
constexpr int64_t ping_after_ns = 20 * ns_per_s;
constexpr int64_t silent_max_ns = 60 * ns_per_s;
constexpr int64_t close_wait_ns = ns_per_s;

}  // namespace

Delivery::Delivery(Runtime& owner)
    : runtime(owner),
      delivered(owner.metrics().counter("messages_delivered_total", "Messages written to WebSocket clients")),
      dropped(owner.metrics().counter("messages_dropped_total",
                                      "Trades that WebSocket clients did not get because their queues were full")),
      conflated(
          owner.metrics().counter("quotes_conflated_total", "Quotes replaced by newer ones before they were sent")),
      receive_to_socket(owner.metrics().histogram("receive_to_socket_ns", "ns",
                                                  "From the feed's read to the end of a client's write")) {}

/// A write has taken these frames.
void Delivery::done(const std::vector<FrameRef>& frames) {
    if (frames.empty()) return;
    const auto wall = wall_ns();
    delivered.add(frames.size());
    for (const auto& frame : frames) {
        if (frame->receive_ns == 0) continue;
        receive_to_socket.record(wall - frame->receive_ns);
        if (!frame->sampled || frame->delivered) continue;
        frame->delivered = true;
        runtime.trace().hop(frame->correlation, Hop::delivered, mono_ns(), frame->clients,
                            static_cast<int64_t>(frame->position), frame->symbol);
    }
}

WsSession::WsSession(asio::ip::tcp::socket socket, uint64_t number, SessionOwner& owner, Delivery& delivery,
                     const CommunicationSettings& settings)
    : socket_(std::move(socket)),
      number_(number),
      owner_(owner),
      delivery_(delivery),
      settings_(settings),
      queue_(settings.client_queue_max) {
    out_.reserve(write_bytes + frame_bytes_max);
}

void WsSession::start(std::string_view early) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.set_option(asio::socket_base::send_buffer_size(send_buffer_bytes), ignored);
    heard_ns_ = mono_ns();
    reader_.feed(early);
    on_read({}, 0);
}

void WsSession::read() {
    const auto room = reader_.room();
    socket_.async_read_some(
        asio::buffer(room.data(), room.size()),
        [self = shared_from_this()](const error_code& error, size_t bytes) { self->on_read(error, bytes); });
}

void WsSession::on_read(const error_code& error, size_t bytes) {
    if (state_ == State::closed) return;
    if (error && state_ == State::closing) return fail(close_reason_);
    if (error) return fail(error == asio::error::eof ? "the client went away" : error.message());
    if (state_ == State::closing) return read();  // what still comes is of no interest, its end is
    heard_ns_ = mono_ns();
    pinged_ns_ = 0;
    reader_.received(bytes);
    while (state_ == State::open) {
        const auto event = reader_.next();
        if (event == MessageReader::Event::need_more) break;
        handle(event);
    }
    flush();
    if (state_ != State::closed) read();
}

void WsSession::handle(MessageReader::Event event) {
    using Event = MessageReader::Event;
    switch (event) {
        case Event::text:
            return owner_.on_text(*this, reader_.payload());
        case Event::ping:
            if (!queue_.answer(encode_frame(Opcode::pong, reader_.payload())))
                close(CloseCode::policy, "pings are not read as fast as they are sent");
            return;
        case Event::close: {
            const auto code = reader_.code() == CloseCode::no_status ? CloseCode::normal : reader_.code();
            close(code, "");
            close_reason_ = "the client closed it";
            client_done_ = true;
            return;
        }
        case Event::error:
            return close(reader_.code(), "this is not what the WebSocket protocol allows");
        case Event::pong:
        case Event::need_more:
            return;
    }
}

void WsSession::answer(std::string_view json) {
    if (open() && !queue_.answer(encode_frame(Opcode::text, json)))
        close(CloseCode::policy, "answers are not read as fast as they are asked for");
}

void WsSession::offer_trade(uint32_t topic, const FrameRef& frame) {
    if (!open()) return;
    if (auto* hold = find_hold(topic)) {
        switch (hold->offer(frame)) {
            case Hold::Verdict::held:
                return;
            case Hold::Verdict::twice:
                return;
            case Hold::Verdict::lost:
                return note_lost(1);
            case Hold::Verdict::over:
                drop_hold(topic);
                break;
            case Hold::Verdict::pass:
                break;
        }
    }
    push_trade(frame);
}

void WsSession::push_trade(const FrameRef& frame) {
    if (queue_.full()) flush();  // one batch of the ring may hold more than a small queue
    if (queue_.trade(frame)) {
        ++frame->clients;
        return;
    }
    delivery_.dropped.add();
    if (losing_since_ns_ != 0) return;
    losing_since_ns_ = mono_ns();
    delivery_.runtime.log().write(log_event::client_slow, frame->correlation, number_, queue_.lost_total());
}

void WsSession::note_lost(uint64_t count) {
    if (!open()) return;
    queue_.note_lost(count);
    delivery_.dropped.add(count);
}

void WsSession::offer_quote(uint32_t topic, const FrameRef& frame) {
    if (!open()) return;
    ++frame->clients;
    if (queue_.quote(topic, frame)) delivery_.conflated.add();
}

/// Makes the next write from what waits; false when nothing does.
bool WsSession::fill() {
    out_.clear();
    sent_ = 0;
    while (out_.size() < write_bytes) {
        auto next = queue_.next();
        if (!next) break;
        append(std::move(*next));
    }
    if (queue_.trades() == 0) losing_since_ns_ = 0;
    if (out_.empty() && state_ == State::closing) out_ = std::exchange(close_frame_, {});
    return !out_.empty();
}

void WsSession::append(ClientQueue::Next next) {
    if (next.lost != 0) {
        out_ += encode_frame(Opcode::text, frames::lost(next.lost));
    } else if (next.frame) {
        out_ += next.frame->wire();
        in_flight_.push_back(std::move(next.frame));
    } else {
        out_ += next.answer;
    }
}

void WsSession::flush() {
    touched_ = false;
    while (state_ != State::closed && !waiting_) {
        if (sent_ == out_.size() && !fill()) {
            if (state_ == State::closing) end_sending();
            return;
        }
        error_code error;
        sent_ += socket_.write_some(asio::buffer(out_.data() + sent_, out_.size() - sent_), error);
        if (error == asio::error::would_block) return wait_writable();
        if (error) return fail(error.message());
        if (sent_ < out_.size()) continue;
        delivery_.done(in_flight_);
        in_flight_.clear();
    }
}

/// The close frame is on its way. The socket stays until the client has answered it: closing it now, with bytes of the
/// client unread, would make the kernel reset the connection and throw the frame away.
void WsSession::end_sending() {
    if (client_done_) return fail(close_reason_);
    error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

void WsSession::wait_writable() {
    waiting_ = true;
    socket_.async_wait(asio::socket_base::wait_write, [self = shared_from_this()](const error_code& error) {
        self->waiting_ = false;
        if (!error) self->flush();
    });
}

void WsSession::tick(int64_t now_ns) {
    if (state_ == State::closing && now_ns - closing_since_ns_ > close_wait_ns) return fail(close_reason_);
    if (state_ != State::open) return;
    if (losing_since_ns_ != 0 && now_ns - losing_since_ns_ > settings_.slow_close_ns)
        return close(CloseCode::try_later, fmt::format("too slow: {} messages lost", queue_.lost_total()));
    if (now_ns - heard_ns_ > silent_max_ns) return close(CloseCode::policy, "no answer to a ping");
    if (now_ns - heard_ns_ < ping_after_ns || pinged_ns_ != 0) return;
    pinged_ns_ = now_ns;
    queue_.answer(encode_frame(Opcode::ping, ""));
    flush();
}

void WsSession::close(CloseCode code, std::string_view reason) {
    if (state_ != State::open) return;
    state_ = State::closing;
    closing_since_ns_ = mono_ns();
    close_reason_ = reason;
    close_frame_ = encode_close(code, reason);
    if (code != CloseCode::going_away && code != CloseCode::normal) queue_.clear();
    holds_.clear();
    flush();
}

void WsSession::abort() {
    state_ = State::closed;
    error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
    queue_.clear();
    holds_.clear();
    in_flight_.clear();
}

void WsSession::fail(std::string why) {
    if (state_ == State::closed) return;
    abort();
    asio::post(delivery_.runtime.io(),
               [self = shared_from_this(), why = std::move(why)] { self->owner_.on_closed(*self, why); });
}

Hold* WsSession::find_hold(uint32_t topic) {
    const auto found = std::ranges::find(holds_, topic, &Hold::topic);
    return found == holds_.end() ? nullptr : &*found;
}

void WsSession::release_hold(uint32_t topic, uint64_t settled) {
    auto* hold = find_hold(topic);
    if (hold == nullptr) return;
    for (const auto& frame : hold->release(settled)) push_trade(frame);
}

void WsSession::drop_hold(uint32_t topic) {
    std::erase_if(holds_, [&](const Hold& hold) { return hold.topic() == topic; });
}

}  // namespace of::communication
