#include "workers/binance/rest_decoder.hpp"

#include <simdjson.h>

#include "workers/binance/decoder.hpp"

namespace of::binance {
namespace {

namespace od = simdjson::ondemand;

tl::unexpected<Error> unreadable(std::string_view what, simdjson::error_code error) {
    return fail(ErrorKind::invalid,
                std::string(what) + " could not be read: " + simdjson::error_message(error));
}

/// A JSON string that is a decimal at 1e-8.
simdjson::error_code decimal(simdjson::simdjson_result<od::value> value, e8_t& to) {
    std::string_view text;
    if (auto error = value.get_string().get(text)) return error;
    const auto parsed = parse_e8(text);
    if (!parsed) return simdjson::NUMBER_ERROR;
    to = *parsed;
    return simdjson::SUCCESS;
}

simdjson::error_code read_side(simdjson::simdjson_result<od::value> side, std::vector<Level>& to) {
    od::array array;
    if (auto error = side.get_array().get(array)) return error;
    for (auto element : array) {
        od::array pair;
        if (auto error = element.get_array().get(pair)) return error;
        Level level{};
        size_t count = 0;
        for (auto item : pair) {
            if (count > 1) break;
            if (auto error = decimal(item, count == 0 ? level.price : level.quantity)) return error;
            ++count;
        }
        if (count != 2) return simdjson::INDEX_OUT_OF_BOUNDS;
        to.push_back(level);
    }
    return simdjson::SUCCESS;
}

simdjson::error_code read_agg_trade(od::object& row, TradeFields& trade) {
    int64_t time = 0;
    if (auto error = row["a"].get_int64().get(trade.id)) return error;
    if (auto error = decimal(row["p"], trade.price)) return error;
    if (auto error = decimal(row["q"], trade.quantity)) return error;
    if (auto error = row["f"].get_int64().get(trade.first_id)) return error;
    if (auto error = row["l"].get_int64().get(trade.last_id)) return error;
    if (auto error = row["T"].get_int64().get(time)) return error;
    if (auto error = row["m"].get_bool().get(trade.buyer_is_maker)) return error;
    trade.trade_ns = exchange_ns(time);
    trade.is_void = trade.price == 0 && trade.quantity == 0 && trade.first_id == -1 && trade.last_id == -1;
    return simdjson::SUCCESS;
}

simdjson::error_code read_trade(od::object& row, TradeFields& trade) {
    int64_t time = 0;
    if (auto error = row["id"].get_int64().get(trade.id)) return error;
    if (auto error = decimal(row["price"], trade.price)) return error;
    if (auto error = decimal(row["qty"], trade.quantity)) return error;
    if (auto error = row["time"].get_int64().get(time)) return error;
    if (auto error = row["isBuyerMaker"].get_bool().get(trade.buyer_is_maker)) return error;
    trade.trade_ns = exchange_ns(time);
    return simdjson::SUCCESS;
}

simdjson::error_code read_rows(od::array array, GapKind kind, std::vector<TradeFields>& to) {
    for (auto element : array) {
        od::object row;
        if (auto error = element.get_object().get(row)) return error;
        TradeFields trade;
        if (auto error = kind == GapKind::trade ? read_trade(row, trade) : read_agg_trade(row, trade))
            return error;
        to.push_back(trade);
    }
    return simdjson::SUCCESS;
}

}  // namespace

struct RestDecoder::State {
    od::parser parser;
    std::vector<Level> bids;
    std::vector<Level> asks;
    std::vector<TradeFields> trades;
};

RestDecoder::RestDecoder() : state_(std::make_unique<State>()) {}
RestDecoder::~RestDecoder() = default;

Expected<Snapshot> RestDecoder::snapshot(std::string& body) {
    auto& [parser, bids, asks, trades] = *state_;
    bids.clear();
    asks.clear();
    body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    od::document document;
    Snapshot snapshot;
    auto error = parser.iterate(body).get(document);
    if (!error) error = document["lastUpdateId"].get_int64().get(snapshot.last_id);
    if (!error) error = read_side(document["bids"], bids);
    if (!error) error = read_side(document["asks"], asks);
    if (error) return unreadable("the depth answer", error);
    if (bids.size() + asks.size() > depth_levels_max)
        return fail(ErrorKind::invalid, "the depth answer has more levels than were asked for");
    snapshot.bids = bids;
    snapshot.asks = asks;
    return snapshot;
}

Expected<std::span<const TradeFields>> RestDecoder::trades(std::string& body, GapKind kind) {
    auto& rows = state_->trades;
    rows.clear();
    body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    od::document document;
    od::array array;
    auto error = state_->parser.iterate(body).get(document);
    if (!error) error = document.get_array().get(array);
    if (!error) error = read_rows(array, kind, rows);
    if (error) return unreadable("the list of trades", error);
    return std::span<const TradeFields>(rows);
}

std::string error_sentence(std::string& body) {
    od::parser parser;
    od::document document;
    body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    int64_t code = 0;
    std::string_view message;
    if (parser.iterate(body).get(document)) return "";
    if (document["code"].get_int64().get(code) || document["msg"].get_string().get(message)) return "";
    return std::string(message) + " (" + std::to_string(code) + ")";
}

}  // namespace of::binance
