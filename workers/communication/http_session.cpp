#include "workers/communication/http_session.hpp"

#include <fmt/format.h>

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/write.hpp>

namespace of::communication {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr uint32_t header_bytes_max = 8 * 1024;
constexpr uint64_t body_bytes_max = 4 * 1024;  ///< of a body that nobody wants
constexpr auto next_request_within = std::chrono::seconds(30);
constexpr auto write_within = std::chrono::seconds(10);

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

/// The only value of a header, or "" when it is absent.
std::string_view field(const HttpSession::Request& request, http::field name) {
    const auto found = request.find(name);
    return found == request.end() ? std::string_view{} : view(found->value());
}

struct Malformed {
    unsigned status;
    std::string_view sentence;
};

Malformed malformed(const error_code& error) {
    if (error == http::error::header_limit) return {431, "the headers have more than 8 KiB"};
    if (error == http::error::body_limit) return {413, "a request here has no body"};
    return {400, "this is not an HTTP request"};
}

}  // namespace

void HttpSession::read(std::chrono::seconds patience) {
    answering_ = false;
    parser_.emplace();
    parser_->header_limit(header_bytes_max);
    parser_->body_limit(body_bytes_max);
    stream_.expires_after(patience);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](const error_code& error, size_t) { self->on_read(error); });
}

void HttpSession::on_read(const error_code& error) {
    if (server_ == nullptr) return;
    const bool silent = error == http::error::end_of_stream || error == beast::error::timeout ||
                        error == asio::error::operation_aborted || error == http::error::partial_message ||
                        error == asio::error::connection_reset;
    if (silent) return end();
    correlation_ = server_->runtime().next_correlation();
    answering_ = true;
    if (error) return refuse_malformed(error);
    request_ = parser_->release();
    if (auto refused = objection()) return respond(std::move(*refused));
    handle();
}

void HttpSession::refuse_malformed(const error_code& error) {
    const auto [status, sentence] = malformed(error);
    request_ = {};
    request_.version(11);
    request_.keep_alive(false);
    respond(refusal(status, fmt::format("{}: {}", sentence, error.message()), correlation_));
}

/// What is wrong with the request as a whole, whatever it asks for.
std::optional<Answer> HttpSession::objection() const {
    const auto refuse = [this](unsigned status, std::string_view sentence) {
        return refusal(status, sentence, correlation_);
    };
    if (request_.count(http::field::host) != 1) return refuse(400, "exactly one Host header is needed");
    const auto host = field(request_, http::field::host);
    if (!server_->hosts().allows(host))
        return refuse(
            403,
            fmt::format("this server is not called {}: ask for its address, or add the name to [communication] hosts",
                        host.substr(0, 64)));
    if (!server_->hosts().same_site(field(request_, http::field::origin), host))
        return refuse(403, "pages of other sites may not ask here");
    if (request_.method() != http::verb::get && request_.method() != http::verb::head)
        return refuse(405, "only GET and HEAD are served");
    if (!request_.body().empty()) return refuse(400, "a request here has no body");
    return {};
}

void HttpSession::handle() {
    auto target = parse_target(view(request_.target()));
    if (!target) return respond(refusal(400, target.error(), correlation_));
    if (target->path == "/ws") return upgrade();
    server_->api().handle({std::move(*target), correlation_},
                          [self = shared_from_this()](Answer answer) { self->respond(std::move(answer)); });
}

std::optional<Answer> HttpSession::upgrade_objection() const {
    const auto refuse = [this](unsigned status, std::string_view sentence) {
        return refusal(status, sentence, correlation_);
    };
    const bool upgrades = http::token_list(request_[http::field::connection]).exists("upgrade") &&
                          http::token_list(request_[http::field::upgrade]).exists("websocket");
    if (!upgrades || request_.method() != http::verb::get || request_.version() != 11)
        return refuse(426, "/ws speaks WebSocket (RFC 6455, version 13)");
    if (field(request_, http::field::sec_websocket_version) != "13")
        return refuse(426, "Sec-WebSocket-Version must be 13");
    if (!accept_key(field(request_, http::field::sec_websocket_key)))
        return refuse(400, "Sec-WebSocket-Key must be 16 bytes in base64");
    if (!server_->clients().room()) return refuse(503, "there are as many clients as clients_max allows");
    return {};
}

void HttpSession::upgrade() {
    if (auto refused = upgrade_objection()) return respond(std::move(*refused));
    const auto response = std::make_shared<Response>(http::status::switching_protocols, 11u);
    response->set(http::field::upgrade, "websocket");
    response->set(http::field::connection, "Upgrade");
    response->set(http::field::sec_websocket_accept, *accept_key(field(request_, http::field::sec_websocket_key)));
    response->set("X-Correlation-Id", to_string(correlation_));
    server_->answered(101, "/ws", "", correlation_);
    stream_.expires_after(write_within);
    http::async_write(stream_, *response, [self = shared_from_this(), response](const error_code& error, size_t) {
        if (self->server_ == nullptr) return;
        auto& clients = self->server_->clients();
        if (error || !clients.room()) return self->end();  // others may have come meanwhile
        self->stream_.expires_never();
        clients.adopt(self->stream_.release_socket(), beast::buffers_to_string(self->buffer_.data()));
        self->end();
    });
}

void HttpSession::fill_in(Response& response, Answer& answer) const {
    response.set("X-Correlation-Id", to_string(correlation_));
    response.set("X-Content-Type-Options", "nosniff");
    response.set("Referrer-Policy", "no-referrer");
    response.set(http::field::content_type, beast::string_view(answer.type.data(), answer.type.size()));
    if (answer.status == 405) response.set(http::field::allow, "GET, HEAD");
    if (answer.status == 426) response.set(http::field::sec_websocket_version, "13");
    if (answer.status == 426) response.set(http::field::upgrade, "websocket");
    if (answer.status == 503) response.set(http::field::retry_after, std::to_string(answer.retry_after_s));
    if (answer.asset == nullptr) {
        response.set(http::field::cache_control, "no-store");
        response.body() = std::move(answer.body);
        return;
    }
    response.set(http::field::cache_control, "no-cache");
    response.set(http::field::etag, beast::string_view(answer.asset->etag.data(), answer.asset->etag.size()));
    response.set("Content-Security-Policy",
                 "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    const bool known = field(request_, http::field::if_none_match).find(answer.asset->etag) != std::string_view::npos;
    if (known) response.result(http::status::not_modified);
    if (!known) response.body() = answer.asset->bytes;
}

void HttpSession::respond(Answer answer) {
    if (server_ == nullptr) return;
    const auto target = view(request_.target());
    server_->answered(answer.status, target.substr(0, target_bytes_max), answer.status >= 400 ? answer.body : "",
                      correlation_);
    const auto response = std::make_shared<Response>(static_cast<http::status>(answer.status), request_.version());
    fill_in(*response, answer);
    const bool last = !request_.keep_alive() || server_->draining();
    response->keep_alive(!last);
    if (response->result() != http::status::not_modified) response->content_length(response->body().size());
    if (request_.method() == http::verb::head) response->body().clear();
    write(response, last);
}

void HttpSession::write(std::shared_ptr<Response> response, bool last) {
    stream_.expires_after(write_within);
    http::async_write(stream_, *response, [self = shared_from_this(), response, last](const error_code& error, size_t) {
        if (self->server_ == nullptr) return;
        if (error || last || self->server_->draining()) return self->end();
        self->read(next_request_within);
    });
}

void HttpSession::turn_away() {
    correlation_ = server_->runtime().next_correlation();
    request_.version(11);
    request_.keep_alive(false);
    respond(refusal(503, "too many connections", correlation_));
}

void HttpSession::drain() {
    if (!answering_) end();
}

void HttpSession::end() {
    if (server_ == nullptr) return;
    std::exchange(server_, nullptr)->remove(*this);
    error_code ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    stream_.close();
}

void HttpSession::abandon() {
    server_ = nullptr;
    stream_.close();
}

}  // namespace of::communication
