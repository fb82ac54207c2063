#include "workers/binance/rest.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <deque>
#include <optional>

#include "workers/binance/rest_decoder.hpp"
#include "workers/binance/tls.hpp"
#include "workers/runtime/clock.hpp"

namespace of::binance {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;

constexpr int64_t look_period_ns = ns_per_s;  ///< at a breaker that an operator may close

uint64_t number_in(std::string_view text) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

}  // namespace

uint64_t depth_weight(int64_t levels) { return levels <= 100 ? 5 : levels <= 500 ? 25 : levels <= 1'000 ? 50 : 250; }

int64_t parse_retry_after_ms(std::string_view text) {
    constexpr uint64_t days_max_s = 7 * 86'400;  // the longest ban is three days
    return static_cast<int64_t>(std::min(number_in(text), days_max_s)) * 1000;
}

struct Rest::Client : std::enable_shared_from_this<Rest::Client> {
    struct Waiting {
        RestRequest request;
        OnAnswer on_answer;
        bool urgent() const { return request.urgent; }
    };
    /// One connection. Handlers hold it, so that it outlives what they were begun for.
    struct Link {
        Link(asio::io_context& io, asio::ssl::context& tls) : stream(io, tls) {}
        asio::ssl::stream<tcp::socket> stream;
        beast::flat_buffer buffer;
        http::request<http::empty_body> request;
        std::optional<http::response_parser<http::string_body>> parser;
        bool used = false;  ///< has carried an answer: a failure may be the server's closing of an idle connection
    };
    using LinkPtr = std::shared_ptr<Link>;

    Client(asio::io_context& loop, asio::ssl::context& context, Url to, CircuitBreaker& circuit, shm::VenueBudget venue,
           OnLimited limited)
        : io(loop),
          tls(context),
          url(std::move(to)),
          breaker(circuit),
          budget(venue),
          on_limited(std::move(limited)),
          resolver(loop),
          deadline(loop),
          gate(loop) {}

    void get(RestRequest request, OnAnswer on_answer) {
        if (queue.size() >= queue_max) {
            RestAnswer refused{0, "", "too many requests are waiting"};
            return on_answer(refused);
        }
        const auto place = request.urgent ? std::ranges::find(queue, false, &Waiting::urgent) : queue.end();
        request.target.insert(0, url.path);
        queue.insert(place, {std::move(request), std::move(on_answer)});
        pump();
    }

    void pump() {
        if (busy || stopped || queue.empty()) return;
        permit = breaker.allow();
        if (!permit) return sleep(std::clamp(breaker.retry_in_ns(), ns_per_ms, look_period_ns));
        const auto& next = queue.front().request;
        if (const auto wait = budget.take(next.weight, next.urgent, {mono_ns(), wall_ns()}); wait > 0) {
            breaker.ignore(permit);
            return sleep(wait);
        }
        busy = true;
        current = std::move(queue.front());
        queue.pop_front();
        retried = false;
        send();
    }

    void sleep(int64_t for_ns) {
        gate.expires_after(std::chrono::nanoseconds(for_ns));
        gate.async_wait([self = shared_from_this()](const error_code& error) {
            if (!error) self->pump();
        });
    }

    void send() {
        arm();
        if (link) return write(link);
        link = std::make_shared<Link>(io, tls);
        auto self = shared_from_this();
        resolver.async_resolve(url.host, url.port,
                               [self, at = link](const error_code& error, const tcp::resolver::results_type& found) {
                                   if (error)
                                       return self->failed(at, "name " + self->url.host + ": " + error.message());
                                   asio::async_connect(at->stream.next_layer(), found,
                                                       [self, at](const error_code& failure, const tcp::endpoint&) {
                                                           if (failure)
                                                               return self->failed(at, "connect: " + failure.message());
                                                           self->secure(at);
                                                       });
                               });
    }

    void secure(const LinkPtr& at) {
        error_code ignored;
        at->stream.next_layer().set_option(tcp::no_delay(true), ignored);
        if (const auto error = expect_host(at->stream.native_handle(), url))
            return failed(at, "TLS: " + error.message());
        at->stream.async_handshake(asio::ssl::stream_base::client,
                                   [self = shared_from_this(), at](const error_code& error) {
                                       if (error)
                                           return self->failed(at, tls_sentence(at->stream.native_handle(), error));
                                       self->write(at);
                                   });
    }

    void write(const LinkPtr& at) {
        if (at != link) return;
        at->request = {http::verb::get, current.request.target, 11};
        at->request.set(http::field::host, url.authority());
        at->request.set(http::field::user_agent, "orderflow");
        at->parser.emplace();
        at->parser->body_limit(body_bytes_max);
        http::async_write(at->stream, at->request, [self = shared_from_this(), at](const error_code& error, size_t) {
            if (error) return self->failed(at, "request: " + error.message());
            http::async_read(at->stream, at->buffer, *at->parser, [self, at](const error_code& failure, size_t) {
                if (failure) return self->failed(at, "answer: " + failure.message());
                self->answered(at);
            });
        });
    }

    void answered(const LinkPtr& at) {
        if (at != link) return;
        auto response = at->parser->release();
        at->used = true;
        if (response.need_eof()) drop();
        note_limits(response);
        RestAnswer answer{static_cast<int>(response.result_int()), std::move(response.body()), ""};
        if (!answer.ok()) {
            const auto sentence = error_sentence(answer.body);
            answer.error =
                "the exchange answered " + std::to_string(answer.status) + (sentence.empty() ? "" : ": " + sentence);
        }
        finish(answer);
    }

    void note_limits(const http::response<http::string_body>& response) {
        if (const auto weight = response["X-MBX-USED-WEIGHT-1M"]; !weight.empty())
            budget.told(number_in({weight.data(), weight.size()}), wall_ns());
        const auto status = static_cast<int>(response.result_int());
        if (status != 429 && status != 418) return;
        const auto text = response[http::field::retry_after];
        const auto asked = parse_retry_after_ms({text.data(), text.size()});
        const auto pause_ms = asked > 0 ? asked : pause_default_ms;
        budget.shut(static_cast<uint32_t>(status), mono_ns() + pause_ms * ns_per_ms);
        on_limited(status, pause_ms);
    }

    void failed(const LinkPtr& at, const std::string& reason) {
        if (at != link) return;
        const bool idle_close = at->used && !retried;
        drop();
        if (idle_close) {  // GET can be repeated; the server may have closed the kept connection just before
            retried = true;
            return send();
        }
        RestAnswer answer{0, "", reason};
        finish(answer);
    }

    /// Told to come later is the exchange's right and no failure; silence and errors of the server's own are.
    void report(const RestAnswer& answer) {
        if (answer.status == 0 || answer.status >= 500)
            return breaker.fail(permit, current.request.cause, answer.error);
        const bool limited = answer.status == 429 || answer.status == 418;
        limited ? breaker.ignore(permit) : breaker.succeed(permit);
    }

    void finish(RestAnswer& answer) {
        report(answer);
        deadline.cancel();
        ++turn;
        busy = false;
        const auto done = std::move(current);
        done.on_answer(answer);
        pump();
    }

    void arm() {
        deadline.expires_after(std::chrono::milliseconds(timeout_ms));
        // The turn tells a timer that ran out just as its request ended from one that is in time.
        deadline.async_wait([self = shared_from_this(), armed = ++turn](const error_code& error) {
            if (error || armed != self->turn || !self->link) return;
            self->retried = true;
            self->failed(self->link, "no answer within 12 s");
        });
    }

    void drop() {
        if (!link) return;
        error_code ignored;
        link->stream.next_layer().close(ignored);
        link.reset();
    }

    void stop() {
        stopped = true;
        queue.clear();
        current.on_answer = [](RestAnswer&) {};
        resolver.cancel();
        deadline.cancel();
        gate.cancel();
        drop();
    }

    asio::io_context& io;
    asio::ssl::context& tls;
    Url url;
    CircuitBreaker& breaker;
    shm::VenueBudget budget;
    OnLimited on_limited;
    tcp::resolver resolver;
    asio::steady_timer deadline;
    asio::steady_timer gate;
    std::deque<Waiting> queue;
    Waiting current{};
    LinkPtr link;
    shm::Permit permit;  ///< of the current request
    uint64_t turn = 0;
    bool busy = false;
    bool retried = false;
    bool stopped = false;
};

Rest::Rest(asio::io_context& io, asio::ssl::context& tls, Url url, CircuitBreaker& breaker, shm::VenueBudget budget,
           OnLimited on_limited)
    : client_(std::make_shared<Client>(io, tls, std::move(url), breaker, budget, std::move(on_limited))) {}
Rest::~Rest() { client_->stop(); }

void Rest::get(RestRequest request, OnAnswer on_answer) { client_->get(std::move(request), std::move(on_answer)); }
void Rest::stop() { client_->stop(); }
const Url& Rest::url() const { return client_->url; }

}  // namespace of::binance
