#include "tests/exchange/rest_api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tl/expected.hpp>

#include "tests/exchange/rest_exchange_info.hpp"
#include "tests/exchange/rest_trades.hpp"

namespace of::exchange {

namespace {

constexpr int64_t depth_limit_max = 5000;
constexpr int64_t trades_limit_max = 1000;

struct ApiError {
    int code = 0;
    std::string text;
};
template <class T>
using Checked = tl::expected<T, ApiError>;

tl::unexpected<ApiError> refuse(int code, std::string text) { return tl::unexpected(ApiError{code, std::move(text)}); }

Checked<std::optional<int64_t>> number(const RestQuery& query, std::string_view name) {
    const auto text = query.find(name);
    if (!text) return std::nullopt;
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || end != text->data() + text->size()) {
        return refuse(
            -1100, fmt::format("Illegal characters found in parameter '{}'; legal range is '^[0-9]{{1,20}}$'.", name));
    }
    if (value < 0) return refuse(-1130, fmt::format("Data sent for parameter '{}' is not valid.", name));
    return value;
}

Checked<size_t> limit_of(const RestQuery& query, int64_t preset, int64_t most) {
    const auto given = number(query, "limit");
    if (!given) return tl::unexpected(given.error());
    const int64_t limit = given->value_or(preset);
    if (limit == 0) return refuse(-1130, "Data sent for parameter 'limit' is not valid.");
    return static_cast<size_t>(std::min(limit, most));
}

Checked<const SymbolState*> symbol_of(const RestQuery& query, const Market& market) {
    const auto name = query.find("symbol");
    if (!name || name->empty()) {
        return refuse(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.");
    }
    const SymbolState* const found = market.find(*name);
    if (found == nullptr) return refuse(-1121, "Invalid symbol.");
    return found;
}

Checked<std::string> depth(const RestQuery& query, const RestContext& context) {
    const auto symbol = symbol_of(query, *context.market);
    if (!symbol) return tl::unexpected(symbol.error());
    const auto limit = limit_of(query, 100, depth_limit_max);
    if (!limit) return tl::unexpected(limit.error());
    return print_depth(context.stale_depth ? (*symbol)->stale_book : (*symbol)->book, *limit);
}

Checked<std::string> trades(const RestQuery& query, const RestContext& context) {
    const auto symbol = symbol_of(query, *context.market);
    if (!symbol) return tl::unexpected(symbol.error());
    const auto limit = limit_of(query, 500, trades_limit_max);
    if (!limit) return tl::unexpected(limit.error());
    RowRange range{*limit, {}, {}, {}};
    if (query.path == "/api/v3/historicalTrades") {
        const auto from = number(query, "fromId");
        if (!from) return tl::unexpected(from.error());
        range.from_id = *from;
    }
    return print_trades((*symbol)->trades, range, context.in_micros);
}

/// A time parameter in microseconds; the exchange takes milliseconds as well and tells them apart by size.
Checked<std::optional<int64_t>> time_us(const RestQuery& query, std::string_view name) {
    constexpr int64_t first_microseconds = 1'000'000'000'000'000;
    auto given = number(query, name);
    if (given && *given && **given < first_microseconds) **given *= 1000;
    return given;
}

Checked<std::string> agg_trades(const RestQuery& query, const RestContext& context) {
    const auto symbol = symbol_of(query, *context.market);
    if (!symbol) return tl::unexpected(symbol.error());
    const auto limit = limit_of(query, 500, trades_limit_max);
    if (!limit) return tl::unexpected(limit.error());
    const auto from = number(query, "fromId");
    if (!from) return tl::unexpected(from.error());
    const auto start = time_us(query, "startTime");
    if (!start) return tl::unexpected(start.error());
    auto end = time_us(query, "endTime");
    if (!end) return tl::unexpected(end.error());
    if (*from && (*start || *end)) {
        return refuse(-1128,
                      "Combination of optional parameters invalid. Recommendation: 'fromId' must be sent alone.");
    }
    return print_agg_trades((*symbol)->agg_trades, RowRange{*limit, *from, *start, *end}, context.in_micros);
}

Checked<std::string> exchange_info(const RestQuery& query, const RestContext& context) {
    std::vector<const SymbolState*> wanted;
    const auto requested = requested_symbols(query);
    for (const auto& each : context.market->symbols()) {
        if (!requested || std::find(requested->begin(), requested->end(), each->name) != requested->end())
            wanted.push_back(each.get());
    }
    if (requested && wanted.size() != requested->size()) return refuse(-1121, "Invalid symbol.");
    return print_exchange_info(wanted, context.now_us / (context.in_micros ? 1 : 1000), context.weight_max);
}

Checked<std::string> dispatch(const RestQuery& query, const RestContext& context) {
    if (query.path == "/api/v3/ping") return "{}";
    if (query.path == "/api/v3/time") {
        return fmt::format(R"({{"serverTime":{}}})", context.now_us / (context.in_micros ? 1 : 1000));
    }
    if (query.path == "/api/v3/exchangeInfo") return exchange_info(query, context);
    if (query.path == "/api/v3/depth") return depth(query, context);
    if (query.path == "/api/v3/trades" || query.path == "/api/v3/historicalTrades") return trades(query, context);
    if (query.path == "/api/v3/aggTrades") return agg_trades(query, context);
    return refuse(0, "no such route");
}

int64_t depth_weight(const RestQuery& query) {
    const auto limit = limit_of(query, 100, depth_limit_max);
    if (!limit || *limit <= 100) return 5;
    if (*limit <= 500) return 25;
    return *limit <= 1000 ? 50 : 250;
}

}  // namespace

std::string error_body(int code, std::string_view text) {
    return fmt::format(R"({{"code":{},"msg":"{}"}})", code, text);
}

int64_t weight_of(const RestQuery& query) {
    if (query.path == "/api/v3/depth") return depth_weight(query);
    if (query.path == "/api/v3/exchangeInfo") return 20;
    if (query.path == "/api/v3/trades" || query.path == "/api/v3/historicalTrades") return 25;
    return query.path == "/api/v3/aggTrades" ? 4 : 1;
}

RestReply answer_rest(const RestQuery& query, const RestContext& context) {
    auto body = dispatch(query, context);
    if (body) return {200, std::move(*body)};
    if (body.error().code == 0) return {404, error_body(-1000, "An unknown error occurred: no such route.")};
    return {400, error_body(body.error().code, body.error().text)};
}

}  // namespace of::exchange
