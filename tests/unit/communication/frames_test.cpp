#include "workers/communication/frames.hpp"

#include <catch2/catch.hpp>

#include "workers/communication/frame_pool.hpp"
#include "workers/communication/json.hpp"

using namespace of;
using namespace of::communication;

namespace {

template <typename Append, typename Value>
std::string text(Append append, Value value) {
    std::string out;
    append(out, value);
    return out;
}

}  // namespace

TEST_CASE("frames: a trade is the JSON of API.md, digit for digit") {
    Trade trade{};
    trade.header.flags = flag_buyer_is_maker;
    trade.header.correlation = CorrelationId::make({ProcessKind::binance, 0}, 3, 0xa1b2c);
    trade.trade_ns = 1'795'457'556'447'442'163;
    trade.receive_ns = 1'795'457'556'447'442'999;
    trade.id = 4'242'424'242;
    trade.price = 6'160'201'000'000;
    trade.quantity = 167'177'000;
    std::string out;
    frames::trade(out, "BTCUSDT", trade, 77);
    CHECK(
        out ==
        R"({"type":"trade","symbol":"BTCUSDT","id":4242424242,"price":"61602.01000000","qty":"1.67177000","time_ns":1795457556447442163,)"
        R"("receive_ns":1795457556447442999,"buyer_is_maker":true,"correlation":"binance-3-00000a1b2c","seq":77})");
}

TEST_CASE("frames: the longest trade fits a frame") {
    Trade trade{};
    trade.header.correlation = CorrelationId::make({ProcessKind::binance, 7}, 65'535, CorrelationId::counter_mask);
    trade.trade_ns = trade.receive_ns = trade.id = trade.price = trade.quantity = std::numeric_limits<int64_t>::max();
    std::string out;
    frames::trade(out, std::string(24, 'W'), trade, std::numeric_limits<uint64_t>::max());
    CHECK(FramePool().make(out));
}

TEST_CASE("frames: numbers and names agree with proto's own printing") {
    for (const e8_t value : {e8_t{0}, e8_t{1}, e8_t{-1}, e8_t{100'000'000}, std::numeric_limits<e8_t>::max(),
                             std::numeric_limits<e8_t>::min()})
        CHECK(text(append_e8, value) == "\"" + format_e8(value) + "\"");
    for (const auto id : {CorrelationId{}, CorrelationId::make({ProcessKind::binance, 2}, 9, 17),
                          CorrelationId::make({ProcessKind::storage, 0}, 65'535, 1)})
        CHECK(text(append_correlation, id) == "\"" + to_string(id) + "\"");
}

TEST_CASE("frames: what a client is told") {
    const std::vector<std::string> symbols{"A", "B"};
    CHECK(frames::hello("of", symbols, 5) == R"({"type":"hello","instance":"of","symbols":["A","B"],"server_ns":5})");
    CHECK(frames::lost(3) == R"({"type":"lost","count":3})");
    CHECK(frames::gap("A", 4, 6) == R"({"type":"gap","symbol":"A","first_id":4,"last_id":6})");
    CHECK(frames::backlog_end("A", 2) == R"({"type":"backlog_end","symbol":"A","count":2})");
    CHECK(frames::pong("\"x\"", 1) == R"({"type":"pong","id":"x","server_ns":1})");
    CHECK(
        frames::subscribed({.op = "subscribed",
                            .trades = true,
                            .quotes = true,
                            .symbols = symbols,
                            .unknown = std::span(symbols).last(1),
                            .backlog = 9}) ==
        R"({"type":"subscribed","streams":["trades","quotes"],"symbols":["A","B"],"all":false,"unknown":["B"],"backlog":9})");
}
