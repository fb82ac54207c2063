#include "tests/unit/communication/socket_client.hpp"

#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <charconv>

namespace of::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;

tcp::endpoint at(uint16_t port) { return {asio::ip::address_v4::loopback(), port}; }

}  // namespace

struct SocketClient::Link {
    asio::io_context io{1};
    websocket::stream<tcp::socket> stream{io};
    beast::flat_buffer buffer;
    std::vector<std::string> messages;
    bool closed = false;

    void read() {
        stream.async_read(buffer, [this](const beast::error_code& error, size_t) {
            if (error) {
                closed = true;
                return;
            }
            messages.push_back(beast::buffers_to_string(buffer.data()));
            buffer.consume(buffer.size());
            read();
        });
    }
};

SocketClient::SocketClient(uint16_t port, const Options& options) : link_(std::make_unique<Link>()) {
    auto& socket = link_->stream.next_layer();
    socket.open(tcp::v4());
    if (options.receive_buffer != 0) socket.set_option(asio::socket_base::receive_buffer_size(options.receive_buffer));
    socket.connect(at(port));
    socket.set_option(tcp::no_delay(true));
    if (!options.origin.empty()) {
        link_->stream.set_option(
            websocket::stream_base::decorator([origin = options.origin](websocket::request_type& request) {
                request.set(beast::http::field::origin, origin);
            }));
    }
    websocket::response_type response;
    beast::error_code error;
    link_->stream.handshake(response, options.host.empty() ? fmt::format("127.0.0.1:{}", port) : options.host, "/ws",
                            error);
    if (error) throw std::runtime_error(std::to_string(response.result_int()));
    link_->read();
}
SocketClient::~SocketClient() = default;
SocketClient::SocketClient(SocketClient&&) noexcept = default;

void SocketClient::send(std::string_view text) {
    link_->stream.text(true);
    link_->stream.write(asio::buffer(text));
}
void SocketClient::send_raw(std::string_view bytes) { asio::write(link_->stream.next_layer(), asio::buffer(bytes)); }
void SocketClient::pump() {
    link_->io.restart();
    link_->io.poll();
}
const std::vector<std::string>& SocketClient::messages() const { return link_->messages; }
std::vector<std::string> SocketClient::with(std::string_view text) const {
    std::vector<std::string> found;
    for (const auto& message : link_->messages) {
        if (message.find(text) != std::string::npos) found.push_back(message);
    }
    return found;
}
std::vector<int64_t> SocketClient::numbers(std::string_view type, std::string_view key) const {
    std::vector<int64_t> found;
    const auto head = fmt::format("{{\"type\":\"{}\"", type);
    const auto name = fmt::format("\"{}\":", key);
    for (const auto& message : link_->messages) {
        const auto from = message.find(name);
        if (!message.starts_with(head) || from == std::string::npos) continue;
        int64_t number = 0;
        std::from_chars(message.data() + from + name.size(), message.data() + message.size(), number);
        found.push_back(number);
    }
    return found;
}
bool SocketClient::closed() const { return link_->closed; }
int SocketClient::close_code() const { return link_->stream.reason().code; }
std::string SocketClient::close_reason() const { return std::string(link_->stream.reason().reason.c_str()); }

std::string http_exchange(uint16_t port, std::string_view request) {
    asio::io_context io;
    tcp::socket socket(io);
    socket.connect(at(port));
    asio::write(socket, asio::buffer(request));
    std::string answer;
    beast::error_code error;
    asio::read(socket, asio::dynamic_buffer(answer), error);
    return answer;
}
std::string http_get(uint16_t port, std::string_view target, std::string_view headers) {
    return http_exchange(port, fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n{}\r\n",
                                           target, port, headers));
}

}  // namespace of::test
