#include "tests/integration/http.hpp"

#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <limits>

namespace of::integration {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

/// The steps of one exchange; each starts the next, and the first error ends all.
struct Exchange {
    asio::io_context io;
    beast::tcp_stream stream{io};
    beast::flat_buffer buffer;
    beast::http::request<beast::http::string_body> request;
    beast::http::response_parser<beast::http::string_body> parser;
    beast::error_code error;

    void run(uint16_t port, Milliseconds limit) {
        parser.body_limit(std::numeric_limits<uint64_t>::max());
        stream.expires_after(limit);
        stream.async_connect(tcp::endpoint(asio::ip::address_v4::loopback(), port), [this](auto code) {
            error = code;
            if (!error) write();
        });
        io.run();
    }
    void write() {
        beast::http::async_write(stream, request, [this](auto code, size_t) {
            error = code;
            if (!error) read();
        });
    }
    void read() {
        beast::http::async_read(stream, buffer, parser, [this](auto code, size_t) { error = code; });
    }
};

}  // namespace

Expected<HttpAnswer> http(const std::string& method, uint16_t port, const std::string& target, Milliseconds limit) {
    Exchange exchange;
    exchange.request = {method == "POST" ? beast::http::verb::post : beast::http::verb::get, target, 11};
    exchange.request.set(beast::http::field::host, fmt::format("127.0.0.1:{}", port));
    exchange.request.set(beast::http::field::connection, "close");
    exchange.request.prepare_payload();
    exchange.run(port, limit);
    if (exchange.error)
        return fail(ErrorKind::failed,
                    fmt::format("{} http://127.0.0.1:{}{}: {}", method, port, target, exchange.error.message()));
    return HttpAnswer{exchange.parser.get().result_int(), std::move(exchange.parser.get().body())};
}

Expected<std::string> http_get(uint16_t port, const std::string& target, Milliseconds limit) {
    auto answer = http("GET", port, target, limit);
    if (!answer) return tl::make_unexpected(answer.error());
    if (answer->status == 200) return std::move(answer->body);
    return fail(ErrorKind::failed,
                fmt::format("GET {} was answered {}: {}", target, answer->status, answer->body.substr(0, 300)));
}

Expected<uint16_t> free_port() {
    asio::io_context io;
    tcp::acceptor acceptor(io);
    beast::error_code error;
    acceptor.open(tcp::v4(), error);
    if (!error) acceptor.bind(tcp::endpoint(asio::ip::address_v4::loopback(), 0), error);
    if (error) return fail(ErrorKind::failed, "no free port on 127.0.0.1: " + error.message());
    return acceptor.local_endpoint().port();
}

}  // namespace of::integration
