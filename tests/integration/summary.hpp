// What became of everything that a running instance has published: the last words of deploy/quickstart.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "tests/integration/api_client.hpp"
#include "tests/integration/exchange_client.hpp"
#include "tests/integration/instance_view.hpp"

namespace of::integration {

struct SummaryOptions {
    std::string config;
    std::string exchange;  ///< exchange.json; empty when the market is a real one, which goes on meanwhile
    double wait_seconds = 30;
};

struct SummarySymbol {
    std::optional<SymbolPlayed> played;
    StoredCounts stored;
    std::string book_state = "unknown";
};

struct Summary {
    uint64_t published = 0;  ///< trades
    uint64_t stored = 0;     ///< trades
    uint64_t logged = 0;
    uint64_t delivered = 0;
    uint64_t lost = 0;  ///< market messages that laps cost storage, and ids in the gap ledger that never came
    uint64_t repaired = 0;
    uint64_t restarts = 0;
    std::map<std::string, SummarySymbol> symbols;
    std::string problem;  ///< "" when all that was published is stored and nothing was lost
};

/// Ends the stand-in's market if one is given, and waits until the store has what was published.
Expected<Summary> summarise(const SummaryOptions& options);

std::string json_of(const Summary& summary);
std::string page_of(const Summary& summary);

}  // namespace of::integration
