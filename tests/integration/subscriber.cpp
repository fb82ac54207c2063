#include "tests/integration/subscriber.hpp"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket.hpp>
#include <optional>
#include <thread>

#include "tests/integration/subscriber_account.hpp"
#include "workers/runtime/clock.hpp"

namespace of::integration {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using Stream = websocket::stream<beast::tcp_stream>;

constexpr auto reconnect_delay = std::chrono::milliseconds(50);
constexpr auto connect_limit = std::chrono::seconds(5);
/// The server's heartbeat comes far more often; a connection without a sign of life for so long is dropped.
constexpr auto idle_limit = std::chrono::seconds(60);

std::string json_list(const std::vector<std::string>& texts) {
    std::string list = "[";
    for (const auto& text : texts) list += fmt::format("{}\"{}\"", list.size() > 1 ? "," : "", text);
    return list + "]";
}

std::string subscribe_text(const SubscriberOptions& options) {
    std::string text = R"({"op":"subscribe","streams":)" + json_list(options.streams);
    if (!options.symbols.empty()) text += ",\"symbols\":" + json_list(options.symbols);
    if (options.backlog != 0) text += fmt::format(",\"backlog\":{}", options.backlog);
    return text + "}";
}

}  // namespace

Expected<void> read_url(const std::string& url, SubscriberOptions& options) {
    constexpr std::string_view scheme = "ws://";
    if (!url.starts_with(scheme))
        return fail(ErrorKind::invalid, fmt::format("\"{}\" is not a URL of the form ws://HOST[:PORT][/PATH]", url));
    const auto rest = url.substr(scheme.size());
    const auto slash = rest.find('/');
    const auto authority = rest.substr(0, slash);
    const auto colon = authority.rfind(':');
    options.path = slash == std::string::npos ? "/ws" : rest.substr(slash);
    options.host = authority.substr(0, colon);
    options.port = colon == std::string::npos ? "80" : authority.substr(colon + 1);
    const bool digits = !options.port.empty() && options.port.find_first_not_of("0123456789") == std::string::npos;
    if (options.host.empty() || !digits)
        return fail(ErrorKind::invalid,
                    fmt::format("\"{}\" names no host and port; expected ws://HOST[:PORT][/PATH]", url));
    return {};
}

class Subscriber::Impl {
  public:
    explicit Impl(SubscriberOptions options) : options_(std::move(options)), subscribe_(subscribe_text(options_)) {}
    ~Impl() { stop(); }

    void start() {
        asio::post(io_, [this] { connect(); });
        thread_ = std::thread([this] { io_.run(); });
    }
    void stop() {
        if (!thread_.joinable()) return;
        asio::post(io_, [this] { close(); });
        thread_.join();
    }
    SubscriberReport report() const { return account_.report(); }

  private:
    void connect() {
        if (stopping_) return;
        buffer_.clear();
        stream_.emplace(io_);
        resolver_.async_resolve(options_.host, options_.port, [this](auto error, auto found) {
            if (error) return again();
            auto& lowest = beast::get_lowest_layer(*stream_);
            lowest.expires_after(connect_limit);
            lowest.async_connect(found, [this](auto failure, const auto&) { failure ? again() : shake_hands(); });
        });
    }
    void shake_hands() {
        auto& lowest = beast::get_lowest_layer(*stream_);
        beast::error_code ignored;
        lowest.socket().set_option(tcp::no_delay(true), ignored);
        lowest.expires_never();
        stream_->set_option(websocket::stream_base::timeout{connect_limit, idle_limit, true});
        stream_->async_handshake(options_.host + ":" + options_.port, options_.path, [this](auto error) {
            if (error) return again();
            account_.connected();
            stream_->async_write(asio::buffer(subscribe_),
                                 [this](auto failure, size_t) { failure ? again() : read(); });
        });
    }
    void read() {
        stream_->async_read(buffer_, [this](auto error, size_t) {
            if (error) return again();
            const auto data = buffer_.cdata();
            account_.take({static_cast<const char*>(data.data()), data.size()}, wall_ns());
            buffer_.consume(buffer_.size());
            read();
        });
    }
    void again() {
        if (stopping_) return;
        timer_.expires_after(reconnect_delay);
        timer_.async_wait([this](auto error) {
            if (!error) connect();
        });
    }
    /// Abrupt on purpose: a server that is being killed would not answer a close frame.
    void close() {
        stopping_ = true;
        timer_.cancel();
        resolver_.cancel();
        beast::error_code ignored;
        if (stream_) beast::get_lowest_layer(*stream_).socket().close(ignored);
        io_.stop();
    }

    const SubscriberOptions options_;
    const std::string subscribe_;
    SubscriberAccount account_;
    asio::io_context io_{1};
    tcp::resolver resolver_{io_};
    asio::steady_timer timer_{io_};
    beast::flat_buffer buffer_;
    std::optional<Stream> stream_;
    std::thread thread_;
    bool stopping_ = false;
};

Subscriber::Subscriber(SubscriberOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Subscriber::~Subscriber() = default;
void Subscriber::start() { impl_->start(); }
void Subscriber::stop() { impl_->stop(); }
SubscriberReport Subscriber::report() const { return impl_->report(); }

}  // namespace of::integration
