// The HTTP API of of-communication, as far as the integration programs need it (workers/communication/API.md).
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "proto/market.hpp"
#include "tests/integration/http.hpp"

namespace of::integration {

struct StoredCounts {
    uint64_t trades = 0;
    uint64_t agg_trades = 0;
    uint64_t gaps_open = 0;  ///< ids of both kinds
    uint64_t gaps_repaired = 0;
    friend bool operator==(const StoredCounts&, const StoredCounts&) = default;
};
using Stats = std::map<std::string, StoredCounts>;

/// A book in full, and what the feed says of it.
struct BookAnswer {
    std::string state;
    int64_t last_update_id = 0;
    uint64_t oracle_compared = 0;
    uint64_t oracle_mismatched = 0;
    uint64_t resets = 0;
    std::vector<Level> bids;  ///< high to low
    std::vector<Level> asks;  ///< low to high
};

/// SHA-256, as hex, over `B <price_e8> <qty_e8>\n` for the bids from high to low, then `A ...` for the asks from low to
/// high.
std::string digest_of(const BookAnswer& book);

class ApiClient {
  public:
    explicit ApiClient(uint16_t port) : port_(port) {}
    uint16_t port() const { return port_; }
    /// Whether all workers run.
    bool healthy() const;
    Expected<Stats> stats() const;
    Expected<BookAnswer> book(const std::string& symbol) const;
    /// Correlation IDs of the newest `limit` stored trades.
    Expected<std::vector<std::string>> correlations(const std::string& symbol, size_t limit) const;

  private:
    uint16_t port_;
};

}  // namespace of::integration
