// What a run has found out, and how it is told: one JSON object, or a page for people.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proto/market.hpp"
#include "proto/text.hpp"
#include "tests/integration/killer.hpp"
#include "tests/integration/latency.hpp"
#include "tests/integration/store_reader.hpp"
#include "tests/integration/subscriber.hpp"

namespace of::integration {

struct SymbolResult {
    uint64_t trades_played = 0;
    uint64_t agg_trades_played = 0;
    int64_t played_update_id = 0;
    StoreCounts stored;
    std::string book_state = "unknown";
    std::string book_sha256;
    int64_t final_update_id = 0;
    Level best_bid{};
    Level best_ask{};
    size_t bid_levels = 0;
    size_t ask_levels = 0;
    uint64_t oracle_compared = 0;  ///< by the last feed process
    uint64_t oracle_mismatched = 0;
    uint64_t book_resets = 0;
};

struct RunResult {
    uint64_t seed = 0;
    double seconds = 0;  ///< from the first frame to all being stored
    std::map<std::string, SymbolResult> symbols;
    uint64_t lapped = 0;    ///< market messages that laps cost storage
    uint64_t repaired = 0;  ///< rows in the store that came over REST
    uint64_t restarts = 0;
    uint64_t oracle_compared = 0;  ///< by all feed processes, as their metrics say
    uint64_t oracle_mismatched = 0;
    uint64_t duplicates = 0;  ///< rows that storage was handed twice
    uint64_t traces_checked = 0;
    Quantiles receive_to_ring, receive_to_disk, receive_to_client;
    SubscriberReport client;
    std::vector<Kill> kills;
    std::vector<std::string> problems;  ///< why the run failed, a sentence each

    /// Trades and aggregate trades that were played and are not stored.
    uint64_t lost() const;
    /// Of those, the ones that the gap ledger names.
    uint64_t gaps_open() const;
    /// Adds a problem for each symbol and kind whose stored and missed ids do not add up to the played ones.
    void check_conservation();
    bool good() const { return problems.empty(); }
};

std::string json_of(const RunResult& result);
std::string page_of(const RunResult& result);

/// A problem for each book that is not the one of this file (golden_spot.json).
void check_golden(const std::string& path, RunResult& result);

}  // namespace of::integration
