#include <catch2/catch.hpp>

#include "tests/unit/binance/frames.hpp"

using namespace of;
using namespace of::binance;
using of::test::padded;

namespace {

struct Bad {
    const char* text;
    const char* reason;  ///< a part of it
};

}  // namespace

TEST_CASE("a trade is decoded exactly", "[binance][decoder]") {
    Decoder decoder;
    auto text = padded(
        R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}})");
    const auto frame = decoder.decode(text);
    REQUIRE(frame);
    CHECK((*frame)->kind == FrameKind::trade);
    CHECK((*frame)->symbol == "BTCUSDT");
    CHECK((*frame)->trade.id == 3735683259);
    CHECK((*frame)->trade.price == 6'183'763'000'000);
    CHECK((*frame)->trade.quantity == 2'000'000);
    CHECK((*frame)->trade.event_ns == 1'723'161'255'343'000'000);
    CHECK((*frame)->trade.trade_ns == 1'723'161'255'342'000'000);
    CHECK((*frame)->trade.buyer_is_maker);
}

TEST_CASE("the order of fields, unknown fields, and the place of the stream's name do not matter",
          "[binance][decoder]") {
    Decoder decoder;
    auto text = padded(
        R"({"data":{"M":true,"nq":"0.002","m":false,"T":1786171884471,"extra":{"deep":[1,{"x":2}]},"l":7960913512,"f":7960913511,"q":"0.002","p":"64990.90","s":"BTCUSDT","a":3404749954,"E":1786171884624,"e":"aggTrade","st":1},"stream":"btcusdt@aggTrade","more":[1,2]})");
    const auto frame = decoder.decode(text);
    REQUIRE(frame);
    CHECK((*frame)->kind == FrameKind::agg_trade);
    CHECK((*frame)->trade.id == 3404749954);
    CHECK((*frame)->trade.first_id == 7960913511);
    CHECK((*frame)->trade.last_id == 7960913512);
    CHECK((*frame)->trade.price == 6'499'090'000'000);
    CHECK_FALSE((*frame)->trade.buyer_is_maker);
}

TEST_CASE("order ids a and b of an old trade are not taken for book sides", "[binance][decoder]") {
    Decoder decoder;
    auto text = padded(
        R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1680652800000,"s":"BTCUSDT","t":3071245454,"p":"28165.47000000","q":"0.00056000","b":20720542158,"a":20720542592,"T":1680652799999,"m":true,"M":true}})");
    const auto frame = decoder.decode(text);
    REQUIRE(frame);
    CHECK((*frame)->kind == FrameKind::trade);
    CHECK((*frame)->trade.id == 3071245454);
}

TEST_CASE("a best quote has no event name", "[binance][decoder]") {
    Decoder decoder;
    auto text = padded(
        R"({"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"92233720368.00000000"}})");
    const auto frame = decoder.decode(text);
    REQUIRE(frame);
    CHECK((*frame)->kind == FrameKind::best_quote);
    CHECK((*frame)->quote.update_id == 50093239212);
    CHECK((*frame)->quote.bid_quantity == 378'826'000);
    CHECK((*frame)->quote.ask_quantity == 9'223'372'036'800'000'000);
}

TEST_CASE("a depth event may have empty sides, removals, and a third element in a level", "[binance][decoder]") {
    Decoder decoder;
    auto text = padded(
        R"({"stream":"x","data":{"e":"depthUpdate","E":1723161255308,"s":"BTCUSDT","U":5,"u":7,"b":[["1.5","0.00000000"],["1","2",[]]],"a":[]}})");
    const auto frame = decoder.decode(text);
    REQUIRE(frame);
    CHECK((*frame)->kind == FrameKind::depth);
    REQUIRE((*frame)->depth.bids.size() == 2);
    CHECK((*frame)->depth.bids[0] == Level{150'000'000, 0});
    CHECK((*frame)->depth.bids[1] == Level{100'000'000, 200'000'000});
    CHECK((*frame)->depth.asks.empty());
    CHECK((*frame)->depth.first_id == 5);
    CHECK((*frame)->depth.last_id == 7);
}

TEST_CASE("milliseconds and microseconds give the same nanoseconds", "[binance][decoder]") {
    CHECK(exchange_ns(1'723'161'255'343) == 1'723'161'255'343'000'000);
    CHECK(exchange_ns(1'723'161'255'343'000) == 1'723'161'255'343'000'000);
    CHECK(exchange_ns(0) == 0);
    CHECK(exchange_ns(-5) == 0);
    CHECK(exchange_ns(std::numeric_limits<int64_t>::max()) == 0);
}

TEST_CASE("an invalidated aggregate is told as void", "[binance][decoder]") {
    Decoder decoder;
    auto text = padded(
        R"({"data":{"e":"aggTrade","E":1,"s":"BTCUSDT","a":12,"p":"0","q":"0","f":-1,"l":-1,"T":1,"m":true,"M":true}})");
    const auto frame = decoder.decode(text);
    REQUIRE(frame);
    CHECK((*frame)->trade.is_void);
    CHECK((*frame)->trade.id == 12);
}

TEST_CASE("frames that are no market data are told apart", "[binance][decoder]") {
    const auto [text, kind] = GENERATE(table<const char*, FrameKind>({
        {R"({"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}})", FrameKind::server_shutdown},
        {R"({"e":"serverShutdown","E":1770123456789})", FrameKind::server_shutdown},
        {R"({"result":null,"id":1})", FrameKind::answer},
        {R"({"result":["btcusdt@aggTrade"],"id":"three"})", FrameKind::answer},
        {R"({"code":2,"msg":"Invalid request","id":7})", FrameKind::error},
        {R"({"stream":"x@kline_1m","data":{"e":"kline","E":1,"s":"X","k":{"t":1,"o":"1"}}})", FrameKind::unknown},
        {R"({"stream":"x@depth5","data":{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[]}})", FrameKind::unknown},
        {R"({"stream":"x","data":{"e":"a new event","a":{"b":[1]},"b":[1,"x",[]],"c":1.5,"d":null}})",
         FrameKind::unknown},
        {R"({})", FrameKind::unknown},
    }));
    CAPTURE(text);
    Decoder decoder;
    auto owned = padded(text);
    const auto frame = decoder.decode(owned);
    REQUIRE(frame);
    CHECK((*frame)->kind == kind);
}

TEST_CASE("a bad frame is refused with its reason, and the next one is read as if nothing had been",
          "[binance][decoder]") {
    const auto bad = GENERATE(values<Bad>({
        {"", "no JSON"},
        {"hello", ""},
        {R"(["an array"])", ""},
        {R"({"data":{"e":"trade")", ""},
        {R"({"data":{"e":"trade","E":1,"s":"B","t":1,"p":"1","q":"1","T":1,"m":true}} {"more":1})", "behind the end"},
        {R"({"data":{"e":"trade","E":1,"s":"B","t":1,"p":"1.234567891","q":"1","T":1,"m":true}})", "price p"},
        {R"({"data":{"e":"trade","E":1,"s":"B","t":1,"p":"1","q":"-1","T":1,"m":true}})", "quantity q"},
        {R"({"data":{"e":"trade","E":1,"s":"B","t":1,"p":"1e5","q":"1","T":1,"m":true}})", "price p"},
        {R"({"data":{"e":"trade","E":1,"s":"B","t":1,"p":1.5,"q":"1","T":1,"m":true}})", "price p"},
        {R"({"data":{"e":"trade","E":1,"s":"B","t":1,"p":"92233720369","q":"1","T":1,"m":true}})", "price p"},
        {R"({"data":{"e":"trade","E":1,"s":"B","p":"1","q":"1","T":1,"m":true}})", "id t"},
        {R"({"data":{"e":"trade","E":1,"s":"B","t":99999999999999999999,"p":"1","q":"1","T":1,"m":true}})", ""},
        {R"({"data":{"e":"trade","E":1,"s":"B","t":-4,"p":"1","q":"1","T":1,"m":true}})", "negative"},
        {R"({"data":{"e":"trade","E":1,"t":1,"p":"1","q":"1","T":1,"m":true}})", "symbol"},
        {R"({"data":{"e":"trade","E":1,"s":"B","t":1,"p":"1","q":"1","T":1}})", "side m"},
        {R"({"data":{"u":1,"s":"B","b":"1","B":"x","a":"2","A":"1"}})", "quantity B"},
        {R"({"data":{"e":"depthUpdate","E":1,"s":"B","U":9,"u":7,"b":[],"a":[]}})", "out of order"},
        {R"({"data":{"e":"depthUpdate","E":1,"s":"B","U":7,"u":7,"b":[["1"]],"a":[]}})", "level"},
        {R"({"data":{"e":"depthUpdate","E":1,"s":"B","U":7,"u":7,"b":[["1","1.000000001"]],"a":[]}})", "level"},
        {R"({"data":{"e":"depthUpdate","E":1,"s":"B","U":7,"u":7,"b":["1"],"a":[]}})", "level"},
        {R"({"data":{"e":"depthUpdate","E":1,"s":"B","U":7,"u":7,"a":[]}})", "both sides"},
    }));
    CAPTURE(bad.text);
    Decoder decoder;
    auto owned = padded(bad.text);
    const auto refused = decoder.decode(owned);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().find(bad.reason) != std::string_view::npos);
    auto good = padded(R"({"data":{"u":1,"s":"B","b":"1","B":"2","a":"3","A":"4"}})");
    const auto frame = decoder.decode(good);
    REQUIRE(frame);
    CHECK((*frame)->quote.ask_price == 3 * e8_one);
}

TEST_CASE("a non-ASCII and an escaped symbol are read as the same text", "[binance][decoder]") {
    Decoder decoder;
    auto plain = padded(
        "{\"data\":{\"u\":1,\"s\":\"\xe8\xbf\x99"
        "456\",\"b\":\"1\",\"B\":\"2\",\"a\":\"3\",\"A\":\"4\"}}");
    auto frame = decoder.decode(plain);
    REQUIRE(frame);
    CHECK((*frame)->symbol ==
          "\xe8\xbf\x99"
          "456");
    auto escaped = padded(R"({"data":{"u":1,"s":"\u8fd9456","b":"1","B":"2","a":"3","A":"4"}})");
    frame = decoder.decode(escaped);
    REQUIRE(frame);
    CHECK((*frame)->symbol ==
          "\xe8\xbf\x99"
          "456");
}

TEST_CASE("every recorded frame decodes, at every cut it is refused", "[binance][decoder][recorded]") {
    const auto folder = test::recorded_data();
    if (folder.empty()) {
        WARN("skipped: OF_TEST_DATA is not set, so there are no recorded frames");
        return;
    }
    std::ifstream file(folder + "/frames/real_frames.jsonl");
    REQUIRE(file);
    Decoder decoder;
    size_t market = 0;
    for (std::string line; std::getline(file, line);) {
        const auto from = line.find("\"frame\":");
        REQUIRE(from != std::string::npos);
        std::string text;  // the frame is a JSON string: undo its escapes, which are \" and \\ only
        for (auto at = line.find('"', from + 8) + 1; line[at] != '"'; ++at)
            text += line[at] == '\\' ? line[++at] : line[at];
        text = padded(text);
        const auto frame = decoder.decode(text);
        CAPTURE(text);
        REQUIRE(frame);
        market += (*frame)->kind <= FrameKind::depth;
        for (size_t size = 0; size < text.size(); size += 7) {
            auto cut = padded(text.substr(0, size));
            CHECK_FALSE(decoder.decode(cut));
        }
    }
    CHECK(market > 50);
}
