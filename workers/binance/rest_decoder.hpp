// REST answers into values: depth snapshots, aggTrades, historicalTrades, and the sentence of an error body.
//
// Off the frame path: it runs once for each answer, so the whole document is checked before any of it is read. Owned by
// whoever asked; what it returns points into it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shm/error.hpp"
#include "workers/binance/frame.hpp"

namespace of::binance {

class RestDecoder {
  public:
    RestDecoder();
    ~RestDecoder();

    /// {"lastUpdateId":..,"bids":[[p,q],..],"asks":[..]}; valid until the next call.
    Expected<Snapshot> snapshot(std::string_view body);
    /// The list of /api/v3/aggTrades or /api/v3/historicalTrades, in the order of the answer.
    Expected<std::span<const TradeFields>> trades(std::string_view body, GapKind kind);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// {"code":-1121,"msg":"Invalid symbol."} as "Invalid symbol. (-1121)"; "" for a body that is none.
std::string error_sentence(std::string_view body);

}  // namespace of::binance
