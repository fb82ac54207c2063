#include "workers/binance/line.hpp"

#include <netinet/tcp.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <charconv>

#include "workers/binance/decoder.hpp"
#include "workers/binance/tls.hpp"
#include "workers/runtime/clock.hpp"

namespace of::binance {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;
// The concrete executor: no type-erased one on the path of each frame.
using Socket = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                         asio::io_context::executor_type>;

/// Small frames must not wait (NODELAY), and a peer that vanished must be noticed by the kernel too.
void tune(Socket& socket) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    constexpr unsigned user_timeout_ms = 20'000;
    setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms);
}

int64_t retry_after_ms(const websocket::response_type& response) {
    const auto text = response[beast::http::field::retry_after];
    int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    return error == std::errc{} && seconds > 0 && seconds < 7 * 86'400 ? seconds * 1000 : 0;
}

}  // namespace

/// Everything of one attempt. It lives as long as one of its operations is under way; `events` is null once
/// its owner has let go.
struct Line::Session : std::enable_shared_from_this<Line::Session> {
    Session(asio::io_context& io, asio::ssl::context& tls, const LineTarget& to, LineEvents& owner)
        : target(to),
          events(&owner),
          resolver(io.get_executor()),
          socket(io.get_executor(), tls),
          timer(io.get_executor()) {
        buffer.max_size(frame_bytes_max + frame_padding);
        buffer.reserve(size_t{256} << 10);
    }

    void start() {
        arm(connect_timeout_ms, "no answer within 10 s");
        auto self = shared_from_this();
        resolver.async_resolve(target.url.host, target.url.port,
                               [self](const error_code& error, const tcp::resolver::results_type& found) {
                                   if (error)
                                       return self->lost("name " + self->target.url.host + ": " + error.message());
                                   asio::async_connect(beast::get_lowest_layer(self->socket), found,
                                                       [self](const error_code& failure, const tcp::endpoint&) {
                                                           if (failure)
                                                               return self->lost("connect: " + failure.message());
                                                           self->secure();
                                                       });
                               });
    }

    void secure() {
        if (over()) return;
        tune(beast::get_lowest_layer(socket));
        auto& tls = socket.next_layer();
        if (const auto error = expect_host(tls.native_handle(), target.url)) return lost("TLS: " + error.message());
        auto self = shared_from_this();
        tls.async_handshake(asio::ssl::stream_base::client, [self](const error_code& error) {
            if (error) return self->lost(tls_sentence(self->socket.next_layer().native_handle(), error));
            self->upgrade();
        });
    }

    void upgrade() {
        if (over()) return;
        // The feed watches for silence itself: a timer that is moved by each frame costs more than the frame.
        socket.set_option(
            websocket::stream_base::timeout{std::chrono::seconds(10), websocket::stream_base::none(), false});
        socket.set_option(websocket::stream_base::decorator(
            [](websocket::request_type& request) { request.set(beast::http::field::user_agent, "orderflow"); }));
        socket.read_message_max(frame_bytes_max);
        socket.control_callback([this](websocket::frame_type, beast::string_view) { last_activity_ns = mono_ns(); });
        auto self = shared_from_this();
        socket.async_handshake(response, target.url.authority(), target.target, [self](const error_code& error) {
            if (error == websocket::error::upgrade_declined) return self->declined();
            if (error) return self->lost("WebSocket handshake: " + error.message());
            self->opened();
        });
    }

    void declined() {
        lost("the server answered " + std::to_string(response.result_int()) + " to the upgrade",
             retry_after_ms(response));
    }

    void opened() {
        if (over()) return;
        timer.cancel();
        is_open = true;
        last_activity_ns = mono_ns();
        events->on_connected();
        if (!over()) read();
    }

    void read() {
        reading = true;
        socket.async_read(buffer,
                          [self = shared_from_this()](const error_code& error, size_t) { self->on_read(error); });
    }

    void on_read(const error_code& error) {
        reading = false;
        if (error) return lost(error == websocket::error::closed ? close_sentence() : error.message());
        const auto mono = mono_ns();
        last_activity_ns = mono;
        // Room for the parser's look-ahead. Before the first byte is shown, so that a move of the buffer
        // harms nobody.
        if (buffer.capacity() < buffer.size() + frame_padding) buffer.reserve(buffer.size() + frame_padding);
        const auto data = buffer.cdata();
        if (events != nullptr) events->on_frame({static_cast<const char*>(data.data()), data.size()}, wall_ns(), mono);
        buffer.consume(buffer.size());
        if (over() && !closing) return;
        paused = ++frames_in_turn >= frames_per_turn;
        if (!paused) read();
    }

    std::string close_sentence() const {
        const auto& reason = socket.reason();
        return "closed by the server with code " + std::to_string(reason.code) +
               (reason.reason.empty() ? "" : ": " + std::string(reason.reason.c_str()));
    }

    void close() {
        events = nullptr;
        if (!is_open) return end();
        if (closing) return;
        closing = true;
        if (paused) next_turn();  // the answer to a close frame stands behind what was not read yet
        arm(close_timeout_ms, "");
        auto self = shared_from_this();
        socket.async_close(websocket::close_code::going_away, [self](const error_code&) { self->end(); });
    }

    void next_turn() {
        frames_in_turn = 0;
        const bool was_paused = std::exchange(paused, false);
        if (was_paused && !ended && !reading) read();
    }

    void arm(int64_t timeout_ms, const char* reason) {
        timer.expires_after(std::chrono::milliseconds(timeout_ms));
        timer.async_wait([self = shared_from_this(), reason](const error_code& error) {
            if (error || (self->is_open && !self->closing)) return;  // it may have run out just as the line opened
            self->lost(reason);
        });
    }

    bool over() const { return ended || events == nullptr; }

    void lost(const std::string& reason, int64_t retry_ms = 0) {
        auto* told = std::exchange(events, nullptr);
        end();
        if (told != nullptr) told->on_lost(reason, retry_ms);
    }

    void end() {
        if (std::exchange(ended, true)) return;
        is_open = false;
        timer.cancel();
        resolver.cancel();
        error_code ignored;
        beast::get_lowest_layer(socket).close(ignored);
    }

    LineTarget target;
    LineEvents* events;
    asio::ip::basic_resolver<tcp, asio::io_context::executor_type> resolver;
    websocket::stream<asio::ssl::stream<Socket>> socket;
    Timer timer;
    websocket::response_type response;
    beast::flat_buffer buffer;
    size_t frames_in_turn = 0;
    int64_t last_activity_ns = 0;
    bool is_open = false;
    bool closing = false;
    bool reading = false;
    bool paused = false;
    bool ended = false;
};

Line::Line(asio::io_context& io, asio::ssl::context& tls, LineTarget target)
    : io_(&io), tls_(&tls), target_(std::move(target)) {}

Line::~Line() {
    if (!session_) return;
    session_->events = nullptr;
    session_->end();
}

void Line::connect(LineEvents& events) {
    if (session_) {
        session_->events = nullptr;
        session_->end();
    }
    session_ = std::make_shared<Session>(*io_, *tls_, target_, events);
    session_->start();
}

void Line::fail(const std::string& reason) {
    const auto session = session_;  // what it tells its owner may end this line
    if (session) session->lost(reason);
}

void Line::close() {
    if (session_) session_->close();
}

bool Line::open() const { return session_ && session_->is_open && !session_->closing; }
bool Line::closed() const { return !session_ || session_->ended; }
bool Line::paused() const { return session_ && session_->paused && !session_->ended; }
int64_t Line::last_activity_ns() const { return session_ ? session_->last_activity_ns : 0; }

bool Line::next_turn() {
    if (!session_) return false;
    const bool was_paused = session_->paused;
    session_->next_turn();
    return was_paused;
}

}  // namespace of::binance
