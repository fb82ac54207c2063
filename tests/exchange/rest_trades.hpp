// Rows of trades, picked by id, by time or from the end, and printed with REST's field names. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/exchange/market.hpp"

namespace of::exchange {

struct RowRange {
    size_t limit = 500;
    std::optional<int64_t> from_id;   // inclusive
    std::optional<int64_t> start_us;  // inclusive; alone or with the end: oldest first from it
    std::optional<int64_t> end_us;    // inclusive; alone: the newest up to it
};

std::string print_trades(const Played<Trade>& trades, const RowRange& range, bool in_micros);
std::string print_agg_trades(const Played<AggTrade>& trades, const RowRange& range, bool in_micros);

}  // namespace of::exchange
