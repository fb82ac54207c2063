#include "workers/binance/rest_decoder.hpp"

#include <catch2/catch.hpp>

using namespace of;
using namespace of::binance;

TEST_CASE("a depth answer becomes a snapshot", "[binance][rest]") {
    RestDecoder decoder;
    std::string body =
        R"({"lastUpdateId":1027024,"bids":[["4.00000000","431.00000000"]],"asks":[["4.00000200","12.00000000"],["5","1",[]]]})";
    const auto snapshot = decoder.snapshot(body);
    REQUIRE(snapshot);
    CHECK(snapshot->last_id == 1027024);
    REQUIRE(snapshot->bids.size() == 1);
    REQUIRE(snapshot->asks.size() == 2);
    CHECK(snapshot->bids[0] == Level{4 * e8_one, 431 * e8_one});
    CHECK(snapshot->asks[0] == Level{400'000'200, 12 * e8_one});
}

TEST_CASE("a depth answer that cannot be read exactly is an error with a sentence", "[binance][rest]") {
    const auto* text = GENERATE(
        "", "[]", "{}", R"({"lastUpdateId":1,"bids":[],)", R"({"lastUpdateId":"1","bids":[],"asks":[]})",
        R"({"lastUpdateId":1,"bids":[["1"]],"asks":[]})",
        R"({"lastUpdateId":1,"bids":[["1.123456789","1"]],"asks":[]})",
        R"({"lastUpdateId":1,"bids":[[1,1]],"asks":[]})",
        R"({"lastUpdateId":1,"bids":[["4.0","431.0"000"]000"]],"asks":[["4.2","12.0"]]})", "<html>busy</html>");
    CAPTURE(text);
    RestDecoder decoder;
    std::string body = text;
    const auto refused = decoder.snapshot(body);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("the depth answer could not be read") == 0);
}

TEST_CASE("lists of trades of both kinds are read", "[binance][rest]") {
    RestDecoder decoder;
    std::string single =
        R"([{"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","time":1499865549590,"isBuyerMaker":true,"isBestMatch":true}])";
    auto rows = decoder.trades(single, GapKind::trade);
    REQUIRE(rows);
    REQUIRE(rows->size() == 1);
    CHECK((*rows)[0].id == 28457);
    CHECK((*rows)[0].price == 400'000'100);
    CHECK((*rows)[0].trade_ns == 1'499'865'549'590'000'000);
    CHECK((*rows)[0].event_ns == 0);
    CHECK((*rows)[0].buyer_is_maker);
    std::string aggregate =
        R"([{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27782,"T":1498793709153,"m":false,"M":true},{"a":26130,"p":"0","q":"0","f":-1,"l":-1,"T":1,"m":true,"M":true}])";
    rows = decoder.trades(aggregate, GapKind::agg_trade);
    REQUIRE(rows);
    REQUIRE(rows->size() == 2);
    CHECK((*rows)[0].first_id == 27781);
    CHECK((*rows)[0].last_id == 27782);
    CHECK((*rows)[1].is_void);
    std::string none = "[]";
    rows = decoder.trades(none, GapKind::trade);
    REQUIRE(rows);
    CHECK(rows->empty());
    std::string wrong = R"({"code":-1121,"msg":"Invalid symbol."})";
    CHECK_FALSE(decoder.trades(wrong, GapKind::trade));
}

TEST_CASE("an error body is told with its code", "[binance][rest]") {
    std::string body = R"({"code":-1121,"msg":"Invalid symbol."})";
    CHECK(error_sentence(body) == "Invalid symbol. (-1121)");
    std::string page = "<html>";
    CHECK(error_sentence(page).empty());
}
