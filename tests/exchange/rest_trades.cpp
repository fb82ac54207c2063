#include "tests/exchange/rest_trades.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace of::exchange {

namespace {

__extension__ using wide = __int128;

/// First and one past last index of the rows asked for.
template <class Row>
std::pair<size_t, size_t> pick(const std::deque<Row>& rows, const RowRange& range) {
    const auto index = [&](auto at) { return static_cast<size_t>(at - rows.begin()); };
    const auto id_less = [](const Row& row, int64_t id) { return row.id < id; };
    const auto time_less = [](const Row& row, int64_t us) { return row.time_us < us; };
    size_t end = rows.size();
    if (range.end_us) end = index(std::lower_bound(rows.begin(), rows.end(), *range.end_us + 1, time_less));
    size_t begin = end - std::min(end, range.limit);
    if (range.from_id) begin = index(std::lower_bound(rows.begin(), rows.end(), *range.from_id, id_less));
    if (range.start_us) begin = index(std::lower_bound(rows.begin(), rows.end(), *range.start_us, time_less));
    begin = std::min(begin, end);
    return {begin, std::min(end, begin + range.limit)};
}

void append(std::string& out, const Trade& trade, bool in_micros) {
    const auto value = static_cast<e8_t>(static_cast<wide>(trade.price) * trade.quantity / e8_one);
    fmt::format_to(
        std::back_inserter(out),
        R"({{"id":{},"price":"{}","qty":"{}","quoteQty":"{}","time":{},"isBuyerMaker":{},"isBestMatch":true}})",
        trade.id, format_e8(trade.price), format_e8(trade.quantity), format_e8(value),
        trade.time_us / (in_micros ? 1 : 1000), trade.buyer_is_maker);
}

void append(std::string& out, const AggTrade& trade, bool in_micros) {
    fmt::format_to(std::back_inserter(out), R"({{"a":{},"p":"{}","q":"{}","f":{},"l":{},"T":{},"m":{},"M":true}})",
                   trade.id, format_e8(trade.price), format_e8(trade.quantity), trade.first_id, trade.last_id,
                   trade.time_us / (in_micros ? 1 : 1000), trade.buyer_is_maker);
}

template <class Row>
std::string print(const Played<Row>& played, const RowRange& range, bool in_micros) {
    const auto [begin, end] = pick(played.rows, range);
    std::string out = "[";
    for (size_t i = begin; i < end; ++i) {
        if (i != begin) out += ',';
        append(out, played.rows[i], in_micros);
    }
    return out + "]";
}

}  // namespace

std::string print_trades(const Played<Trade>& trades, const RowRange& range, bool in_micros) {
    return print(trades, range, in_micros);
}

std::string print_agg_trades(const Played<AggTrade>& trades, const RowRange& range, bool in_micros) {
    return print(trades, range, in_micros);
}

}  // namespace of::exchange
