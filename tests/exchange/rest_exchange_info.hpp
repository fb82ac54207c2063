// The body of `GET /api/v3/exchangeInfo`: rate limits, and the symbols with their filters. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/exchange/market.hpp"
#include "tests/exchange/rest_query.hpp"

namespace of::exchange {

/// The names in `symbol=A` or `symbols=["A","B"]`; nothing when neither was given.
std::optional<std::vector<std::string>> requested_symbols(const RestQuery& query);

std::string print_exchange_info(const std::vector<const SymbolState*>& symbols, int64_t server_time,
                                int64_t weight_max);

}  // namespace of::exchange
