#include "tests/exchange/rest_exchange_info.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <utility>

namespace of::exchange {

namespace {

/// "BTCUSDT" into "BTC" and "USDT", by the usual quote assets; a symbol of none of them is cut in the middle.
std::pair<std::string, std::string> assets(const std::string& symbol) {
    for (const std::string_view quote : std::array<std::string_view, 6>{"USDT", "USDC", "FDUSD", "BTC", "ETH", "EUR"}) {
        if (symbol.size() > quote.size() && symbol.ends_with(quote)) {
            return {symbol.substr(0, symbol.size() - quote.size()), std::string(quote)};
        }
    }
    return {symbol.substr(0, symbol.size() / 2), symbol.substr(symbol.size() / 2)};
}

void append_symbol(std::string& out, const SymbolState& symbol) {
    const auto [base, quote] = assets(symbol.name);
    const auto to = std::back_inserter(out);
    fmt::format_to(to,
                   R"({{"symbol":"{}","status":"TRADING","baseAsset":"{}","baseAssetPrecision":8,"quoteAsset":"{}",)"
                   R"("quotePrecision":8,"quoteAssetPrecision":8,"baseCommissionPrecision":8,)"
                   R"("quoteCommissionPrecision":8,"orderTypes":["LIMIT","LIMIT_MAKER","MARKET"],)"
                   R"("icebergAllowed":true,"ocoAllowed":true,"isSpotTradingAllowed":true,)"
                   R"("isMarginTradingAllowed":false,"filters":[)",
                   symbol.name, base, quote);
    fmt::format_to(to,
                   R"({{"filterType":"PRICE_FILTER","minPrice":"{0}","maxPrice":"1000000.00000000","tickSize":"{0}"}},)"
                   R"({{"filterType":"LOT_SIZE","minQty":"{1}","maxQty":"9000.00000000","stepSize":"{1}"}},)"
                   R"({{"filterType":"MARKET_LOT_SIZE","minQty":"0.00000000","maxQty":"100.00000000",)"
                   R"("stepSize":"0.00000000"}}],"permissions":["SPOT"],"permissionSets":[["SPOT"]]}})",
                   format_e8(symbol.tick), format_e8(symbol.lot));
}

}  // namespace

std::optional<std::vector<std::string>> requested_symbols(const RestQuery& query) {
    if (const auto one = query.find("symbol")) return std::vector<std::string>{std::string(*one)};
    const auto list = query.find("symbols");
    if (!list) return {};
    std::vector<std::string> names;
    std::string name;
    for (const char c : *list) {
        if (c != ',' && c != ']') {
            if (c != '[' && c != '"' && c != ' ') name.push_back(c);
            continue;
        }
        if (!name.empty()) names.push_back(std::exchange(name, {}));
    }
    return names;
}

std::string print_exchange_info(const std::vector<const SymbolState*>& symbols, int64_t server_time,
                                int64_t weight_max) {
    std::string out =
        fmt::format(R"({{"timezone":"UTC","serverTime":{},"rateLimits":[)"
                    R"({{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":{}}},)"
                    R"({{"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":300000}}],)"
                    R"("exchangeFilters":[],"symbols":[)",
                    server_time, weight_max);
    for (size_t i = 0; i < symbols.size(); ++i) {
        if (i != 0) out += ',';
        append_symbol(out, *symbols[i]);
    }
    return out + "]}";
}

}  // namespace of::exchange
