// HTTPS requests to one REST host: one connection kept alive, one request at a time, a bounded queue, a
// deadline for each.
//
// It obeys the exchange by the budget that this host's processes share (shm/governor.hpp): after 429 or 418 nothing is
// sent until Retry-After has passed, and once the minute's weight is nearly spent, requests that are not urgent wait
// for the next one. Every request ends in exactly one call of its OnAnswer, from the event loop. Owned by the feed's
// thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "shm/governor.hpp"
#include "workers/binance/url.hpp"
#include "workers/runtime/breakers.hpp"

namespace of::binance {

struct RestAnswer {
    int status = 0;  ///< of HTTP; 0 when there was no answer
    std::string body;
    std::string error;  ///< a sentence, when there was no answer or it was not 200

    bool ok() const { return status == 200; }
};

struct RestRequest {
    std::string target;  ///< begins with a slash
    uint64_t weight;     ///< that the exchange charges for it
    bool urgent;         ///< book snapshots go before all others (repairs)
    CorrelationId cause;
};

class Rest {
  public:
    static constexpr size_t queue_max = 2'048;
    static constexpr int64_t timeout_ms = 12'000;        ///< the exchange itself gives up after 10 s
    static constexpr int64_t pause_default_ms = 60'000;  ///< after a 429 or 418 without Retry-After
    static constexpr size_t body_bytes_max = size_t{16} << 20;

    using OnAnswer = std::function<void(RestAnswer& answer)>;
    /// Told of each answer that limits us: its status and for how long nothing will be sent.
    using OnLimited = std::function<void(int status, int64_t pause_ms)>;

    /// `breaker` opens when requests get no answer or a 5xx; while it is open they wait in the queue.
    Rest(boost::asio::io_context& io, boost::asio::ssl::context& tls, Url url, CircuitBreaker& breaker,
         shm::VenueBudget budget, OnLimited on_limited);
    ~Rest();
    Rest(const Rest&) = delete;

    void get(RestRequest request, OnAnswer on_answer);
    /// Ends the connection and forgets what is queued; no OnAnswer is called any more.
    void stop();

    const Url& url() const;

  private:
    struct Client;
    std::shared_ptr<Client> client_;
};

/// What a depth snapshot of so many levels a side costs.
uint64_t depth_weight(int64_t levels);
inline constexpr uint64_t agg_trades_weight = 4;
inline constexpr uint64_t historical_trades_weight = 25;

/// "7" to 7000; 0 for anything that is no number of seconds.
int64_t parse_retry_after_ms(std::string_view text);

}  // namespace of::binance
