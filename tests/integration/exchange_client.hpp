// The stand-in exchange, as its control port tells it: what it has played, and whether it has played all.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/integration/http.hpp"

namespace of::integration {

/// exchange.json: where it listens.
struct ExchangeAddress {
    uint16_t control_port = 0;
    std::string ca_file;
    std::string stream_url;
    std::string rest_url;
};
Expected<ExchangeAddress> read_exchange_file(const std::string& path);

struct SymbolPlayed {
    uint64_t trades = 0;
    uint64_t agg_trades = 0;
    int64_t last_update_id = 0;
};

struct ExchangeStatus {
    bool started = false;
    bool finished = false;
    uint64_t played = 0;  ///< frames of all streams
    uint64_t seed = 0;    ///< of a synthetic market
    std::map<std::string, SymbolPlayed> symbols;

    uint64_t trades() const;
};

class ExchangeClient {
  public:
    explicit ExchangeClient(ExchangeAddress address) : address_(std::move(address)) {}
    const ExchangeAddress& address() const { return address_; }
    Expected<ExchangeStatus> status() const;
    /// Ends a synthetic market: nothing is played any more.
    Expected<void> finish() const;

  private:
    ExchangeAddress address_;
};

}  // namespace of::integration
