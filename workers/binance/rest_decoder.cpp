#include "workers/binance/rest_decoder.hpp"

#include <simdjson.h>

#include "workers/binance/decoder.hpp"

namespace of::binance {
namespace {

namespace dom = simdjson::dom;

tl::unexpected<Error> unreadable(std::string_view what, simdjson::error_code error) {
    return fail(ErrorKind::invalid, std::string(what) + " could not be read: " + simdjson::error_message(error));
}

/// A JSON string that is a decimal at 1e-8.
simdjson::error_code decimal(simdjson::simdjson_result<dom::element> value, e8_t& to) {
    std::string_view text;
    if (auto error = value.get(text)) return error;
    const auto parsed = parse_e8(text);
    if (!parsed) return simdjson::NUMBER_ERROR;
    to = *parsed;
    return simdjson::SUCCESS;
}

simdjson::error_code read_side(simdjson::simdjson_result<dom::element> side, std::vector<Level>& to) {
    dom::array array;
    if (auto error = side.get(array)) return error;
    to.reserve(array.size());
    for (const auto pair : array) {
        Level level{};
        if (auto error = decimal(pair.at(0), level.price)) return error;
        if (auto error = decimal(pair.at(1), level.quantity)) return error;
        to.push_back(level);
    }
    return simdjson::SUCCESS;
}

simdjson::error_code read_agg_trade(dom::element row, TradeFields& trade) {
    int64_t time = 0;
    if (auto error = row["a"].get(trade.id)) return error;
    if (auto error = decimal(row["p"], trade.price)) return error;
    if (auto error = decimal(row["q"], trade.quantity)) return error;
    if (auto error = row["f"].get(trade.first_id)) return error;
    if (auto error = row["l"].get(trade.last_id)) return error;
    if (auto error = row["T"].get(time)) return error;
    if (auto error = row["m"].get(trade.buyer_is_maker)) return error;
    trade.trade_ns = exchange_ns(time);
    trade.is_void = trade.price == 0 && trade.quantity == 0 && trade.first_id == -1 && trade.last_id == -1;
    return simdjson::SUCCESS;
}

simdjson::error_code read_trade(dom::element row, TradeFields& trade) {
    int64_t time = 0;
    if (auto error = row["id"].get(trade.id)) return error;
    if (auto error = decimal(row["price"], trade.price)) return error;
    if (auto error = decimal(row["qty"], trade.quantity)) return error;
    if (auto error = row["time"].get(time)) return error;
    if (auto error = row["isBuyerMaker"].get(trade.buyer_is_maker)) return error;
    trade.trade_ns = exchange_ns(time);
    return simdjson::SUCCESS;
}

simdjson::error_code read_rows(dom::array rows, GapKind kind, std::vector<TradeFields>& to) {
    for (const auto row : rows) {
        TradeFields trade;
        if (auto error = kind == GapKind::trade ? read_trade(row, trade) : read_agg_trade(row, trade)) return error;
        to.push_back(trade);
    }
    return simdjson::SUCCESS;
}

}  // namespace

struct RestDecoder::State {
    dom::parser parser;
    std::vector<Level> bids;
    std::vector<Level> asks;
    std::vector<TradeFields> trades;
};

RestDecoder::RestDecoder() : state_(std::make_unique<State>()) {}
RestDecoder::~RestDecoder() = default;

Expected<Snapshot> RestDecoder::snapshot(std::string_view body) {
    auto& [parser, bids, asks, trades] = *state_;
    bids.clear();
    asks.clear();
    dom::element document;
    Snapshot snapshot;
    auto error = parser.parse(body.data(), body.size()).get(document);
    if (!error) error = document["lastUpdateId"].get(snapshot.last_id);
    if (!error) error = read_side(document["bids"], bids);
    if (!error) error = read_side(document["asks"], asks);
    if (error) return unreadable("the depth answer", error);
    if (bids.size() + asks.size() > depth_levels_max)
        return fail(ErrorKind::invalid, "the depth answer has more levels than were asked for");
    snapshot.bids = bids;
    snapshot.asks = asks;
    return snapshot;
}

Expected<std::span<const TradeFields>> RestDecoder::trades(std::string_view body, GapKind kind) {
    auto& rows = state_->trades;
    rows.clear();
    dom::array array;
    auto error = state_->parser.parse(body.data(), body.size()).get(array);
    if (!error) error = read_rows(array, kind, rows);
    if (error) return unreadable("the list of trades", error);
    return std::span<const TradeFields>(rows);
}

std::string error_sentence(std::string_view body) {
    dom::parser parser;
    dom::element document;
    int64_t code = 0;
    std::string_view message;
    if (parser.parse(body.data(), body.size()).get(document)) return "";
    if (document["code"].get(code) || document["msg"].get(message)) return "";
    return std::string(message) + " (" + std::to_string(code) + ")";
}

}  // namespace of::binance
