#include "tests/exchange/control_server.hpp"

#include <fmt/format.h>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <optional>

#include "tests/exchange/clock.hpp"
#include "tests/exchange/status.hpp"

namespace of::exchange {

namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr auto control_idle_limit = std::chrono::seconds(60);
constexpr size_t control_body_bytes_max = 65'536;
constexpr std::string_view routes =
    "GET /status, GET /faults, POST /faults, DELETE /faults, POST /pause, POST /resume, POST /finish";

struct Reply {
    http::status status = http::status::ok;
    std::string body;
};

Reply sorry(http::status status, std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '"' || c == '\\') escaped.push_back('\\');
        escaped.push_back(static_cast<unsigned char>(c) < 32 ? ' ' : c);
    }
    return {status, fmt::format("{{\"error\":\"{}\"}}", escaped)};
}

Reply add_fault(Exchange& exchange, const std::string& body) {
    auto fault = parse_fault_json(body);
    if (!fault) return sorry(http::status::bad_request, fault.error().text);
    exchange.plan.add(std::move(*fault), steady_ms());
    exchange.hub->arm();
    return {http::status::ok, exchange.plan.print_json()};
}

Reply faults(Exchange& exchange, http::verb verb, const std::string& body) {
    if (verb == http::verb::get) return {http::status::ok, exchange.plan.print_json()};
    if (verb == http::verb::post) return add_fault(exchange, body);
    if (verb != http::verb::delete_) return sorry(http::status::method_not_allowed, routes);
    exchange.plan.clear();
    return {http::status::ok, "[]"};
}

Reply command(Exchange& exchange, std::string_view target) {
    if (target == "/pause") {
        exchange.player->pause();
    } else if (target == "/resume") {
        exchange.player->resume();
    } else {
        exchange.player->finish();
    }
    return {http::status::ok, print_status(exchange)};
}

Reply dispatch(Exchange& exchange, http::verb verb, std::string_view target, const std::string& body) {
    if (target == "/faults") return faults(exchange, verb, body);
    if (target == "/status" && verb == http::verb::get) return {http::status::ok, print_status(exchange)};
    const bool is_command = target == "/pause" || target == "/resume" || target == "/finish";
    if (is_command && verb == http::verb::post) return command(exchange, target);
    if (is_command || target == "/status") return sorry(http::status::method_not_allowed, routes);
    return sorry(http::status::not_found, routes);
}

class ControlConnection : public std::enable_shared_from_this<ControlConnection> {
  public:
    ControlConnection(Exchange& exchange, tcp::socket socket) : exchange_(exchange), stream_(std::move(socket)) {}

    void read() {
        parser_.emplace();
        parser_->body_limit(control_body_bytes_max);
        stream_.expires_after(control_idle_limit);
        http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, size_t) {
            if (!error) self->answer();
        });
    }

  private:
    void answer() {
        const auto& request = parser_->get();
        Reply reply = dispatch(exchange_, request.method(), std::string_view(request.target()), request.body());
        response_.emplace(reply.status, request.version());
        response_->set(http::field::content_type, "application/json");
        response_->keep_alive(request.keep_alive());
        response_->body() = std::move(reply.body);
        response_->prepare_payload();
        http::async_write(stream_, *response_, [self = shared_from_this()](error_code error, size_t) {
            if (!error && self->response_->keep_alive()) self->read();
        });
    }

    Exchange& exchange_;
    boost::beast::tcp_stream stream_;
    boost::beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::optional<http::response<http::string_body>> response_;
};

}  // namespace

void serve_control(Exchange& exchange, tcp::acceptor& acceptor) {
    acceptor.async_accept([&exchange, &acceptor](error_code error, tcp::socket socket) {
        if (error == boost::asio::error::operation_aborted) return;
        if (!error) std::make_shared<ControlConnection>(exchange, std::move(socket))->read();
        serve_control(exchange, acceptor);
    });
}

}  // namespace of::exchange
