// A WebSocket client of of-communication: subscribes, reconnects for ever, and keeps account of every trade id.
//
// Runs in a thread of its own between start() and stop(). A subscription asks for a backlog, so that what passed while
// the server was away comes from the store. Beast is inside subscriber.cpp only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "shm/error.hpp"
#include "tests/integration/id_set.hpp"
#include "tests/integration/latency.hpp"

namespace of::integration {

struct SubscriberOptions {
    std::string host = "127.0.0.1";
    std::string port;
    std::string path = "/ws";
    std::vector<std::string> streams{"trades"};
    std::vector<std::string> symbols;  ///< empty: all
    uint32_t backlog = 0;
};

/// ws://HOST[:PORT][/PATH] into host, port and path.
Expected<void> read_url(const std::string& url, SubscriberOptions& options);

/// What came of one symbol, over all connections.
struct SymbolSeen {
    IdSet ids;            ///< of trades, live and stored
    uint64_t trades = 0;  ///< live
    uint64_t stored = 0;  ///< out of a backlog
    uint64_t twice = 0;   ///< ids that came twice over one connection
    uint64_t quotes = 0;
    int64_t last_update_id = 0;
};

struct SubscriberReport {
    uint64_t connections = 0;
    uint64_t subscriptions = 0;  ///< that the server has confirmed
    uint64_t messages = 0;
    uint64_t lost = 0;                  ///< trades that the server says this client was too slow for
    uint64_t unreadable = 0;            ///< messages that are not what API.md lists
    std::vector<std::string> refusals;  ///< sentences of the server, at most 20
    std::map<std::string, SymbolSeen> symbols;
    Quantiles receive_to_client;  ///< live trades: from the feed's read to here

    uint64_t holes() const;
    uint64_t twice() const;
    uint64_t ids() const;
};

class Subscriber {
  public:
    explicit Subscriber(SubscriberOptions options);
    ~Subscriber();

    void start();
    /// Closes the connection and joins the thread.
    void stop();
    /// As it stands; also while it runs.
    SubscriberReport report() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace of::integration
