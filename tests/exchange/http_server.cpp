#include "tests/exchange/http_server.hpp"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <optional>

#include "tests/exchange/clock.hpp"
#include "tests/exchange/rest_service.hpp"
#include "tests/exchange/stream_session.hpp"
#include "tests/exchange/stream_target.hpp"

namespace of::exchange {

namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr auto idle_limit = std::chrono::seconds(60);
constexpr size_t body_bytes_max = 65'536;
constexpr int64_t connection_window_ms = 300'000;

/// One TCP connection until it ends or becomes a WebSocket.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
  public:
    HttpConnection(Exchange& exchange, std::deque<int64_t>& upgrades_ms, tcp::socket socket)
        : exchange_(exchange),
          upgrades_ms_(upgrades_ms),
          stream_(std::move(socket), exchange.tls),
          delay_(exchange.io) {}

    void start() {
        error_code ignored;
        tcp_stream().socket().set_option(tcp::no_delay(true), ignored);
        tcp_stream().expires_after(idle_limit);
        stream_.async_handshake(boost::asio::ssl::stream_base::server, [self = shared_from_this()](error_code error) {
            if (!error) self->read();
        });
    }

  private:
    boost::beast::tcp_stream& tcp_stream() { return boost::beast::get_lowest_layer(stream_); }

    void read() {
        parser_.emplace();
        parser_->body_limit(body_bytes_max);
        tcp_stream().expires_after(idle_limit);
        http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, size_t) {
            if (!error) self->on_request();
        });
    }

    void on_request() {
        const auto& request = parser_->get();
        if (request[http::field::upgrade].empty()) {
            return answer(serve_rest(exchange_, request.method_string(), request.target(), wants_micros()));
        }
        const auto upgrade = check_upgrade();
        if (!upgrade) return answer(upgrade.error());
        accept_upgrade(*upgrade);
    }

    bool wants_micros() const {
        const auto unit = parser_->get()["X-MBX-TIME-UNIT"];
        return unit == "MICROSECOND" || unit == "microsecond";
    }

    void answer(ServedReply reply) {
        response_.emplace(static_cast<http::status>(reply.status), parser_->get().version());
        response_->set(http::field::content_type, "application/json;charset=UTF-8");
        response_->set(http::field::server, "of-exchange");
        response_->set("X-MBX-USED-WEIGHT", fmt::format("{}", reply.used_weight));
        response_->set("X-MBX-USED-WEIGHT-1M", fmt::format("{}", reply.used_weight));
        if (reply.retry_after_s >= 0) response_->set(http::field::retry_after, fmt::format("{}", reply.retry_after_s));
        response_->keep_alive(parser_->get().keep_alive() && !reply.close);
        response_->body() = std::move(reply.body);
        response_->prepare_payload();
        if (reply.delay_ms <= 0) return write();
        tcp_stream().expires_never();
        delay_.expires_after(std::chrono::milliseconds(reply.delay_ms));
        delay_.async_wait([self = shared_from_this()](error_code error) {
            if (!error) self->write();
        });
    }

    void write() {
        tcp_stream().expires_after(idle_limit);
        http::async_write(stream_, *response_, [self = shared_from_this()](error_code error, size_t) {
            if (error) return;
            if (self->response_->keep_alive()) return self->read();
            self->stream_.async_shutdown([self](error_code) {});
        });
    }

    struct Upgrade {
        StreamSession::Setup setup;
        std::string accept;
    };

    tl::expected<Upgrade, ServedReply> check_upgrade() {
        const auto& request = parser_->get();
        const int64_t now_ms = steady_ms();
        while (!upgrades_ms_.empty() && upgrades_ms_.front() <= now_ms - connection_window_ms) upgrades_ms_.pop_front();
        upgrades_ms_.push_back(now_ms);
        if (upgrades_ms_.size() > exchange_.options.session.connections_max) {
            ++exchange_.rest.upgrades_refused;
            const int64_t wait_ms = upgrades_ms_.front() + connection_window_ms - now_ms;
            return tl::unexpected(refusal(429, -1034, "Too many connections.", wait_ms / 1000 + 1));
        }
        const std::string key(request["Sec-WebSocket-Key"]);
        if (!boost::beast::iequals(request[http::field::upgrade], "websocket") ||
            request["Sec-WebSocket-Version"] != "13" || key.size() != 24 || request.method() != http::verb::get) {
            return tl::unexpected(refusal(400, -1130, "The upgrade is not a WebSocket handshake of version 13."));
        }
        auto setup = parse_stream_target(std::string_view(request.target()), exchange_.market->has_micros());
        if (!setup) return tl::unexpected(refusal(400, -1130, setup.error().text));
        const auto rest = buffer_.data();
        return Upgrade{
            {std::move(setup->subscriptions), setup->in_micros, {static_cast<const char*>(rest.data()), rest.size()}},
            ws::accept_key(key)};
    }

    void accept_upgrade(Upgrade upgrade) {
        upgrade_text_ = fmt::format(
            "HTTP/1.1 101 Switching Protocols\r\nServer: of-exchange\r\nUpgrade: websocket\r\nConnection: "
            "Upgrade\r\n"
            "Sec-WebSocket-Accept: {}\r\n\r\n",
            upgrade.accept);
        const auto text = boost::asio::buffer(upgrade_text_);
        boost::asio::async_write(
            stream_, text,
            [self = shared_from_this(), setup = std::move(upgrade.setup)](error_code error, size_t) mutable {
                if (!error) self->become_session(std::move(setup));
            });
    }

    void become_session(StreamSession::Setup setup) {
        auto session = std::make_shared<StreamSession>(std::move(stream_), *exchange_.hub, exchange_.streams,
                                                       exchange_.options.session, std::move(setup));
        exchange_.hub->add(session);
        session->start();
        exchange_.hub->arm();
    }

    Exchange& exchange_;
    std::deque<int64_t>& upgrades_ms_;
    TlsStream stream_;
    boost::asio::steady_timer delay_;
    boost::beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::optional<http::response<http::string_body>> response_;
    std::string upgrade_text_;
};

void accept_next(Exchange& exchange, tcp::acceptor& acceptor, const std::shared_ptr<std::deque<int64_t>>& upgrades_ms) {
    acceptor.async_accept([&exchange, &acceptor, upgrades_ms](error_code error, tcp::socket socket) {
        if (error == boost::asio::error::operation_aborted) return;
        if (!error) std::make_shared<HttpConnection>(exchange, *upgrades_ms, std::move(socket))->start();
        accept_next(exchange, acceptor, upgrades_ms);
    });
}

}  // namespace

Result<tcp::acceptor> listen_on(boost::asio::io_context& io, const Endpoint& endpoint) {
    error_code error;
    const auto address = boost::asio::ip::make_address(endpoint.host, error);
    tcp::acceptor acceptor(io);
    const tcp::endpoint at(address, endpoint.port);
    if (!error) acceptor.open(at.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(at, error);
    if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
    if (error) return fail(fmt::format("cannot listen on {}:{}: {}", endpoint.host, endpoint.port, error.message()));
    return acceptor;
}

void serve_https(Exchange& exchange, tcp::acceptor& acceptor) {
    accept_next(exchange, acceptor, std::make_shared<std::deque<int64_t>>());
}

}  // namespace of::exchange
