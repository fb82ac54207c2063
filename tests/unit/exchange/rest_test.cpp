#include <catch2/catch.hpp>

#include "tests/exchange/rest_api.hpp"
#include "tests/exchange/rest_exchange_info.hpp"
#include "tests/exchange/rest_limits.hpp"
#include "tests/exchange/rest_trades.hpp"

using namespace of;
using namespace of::exchange;

namespace {

/// A market with one symbol and ten trades, ids 100 to 109, one a millisecond.
class SmallMarket final : public Market {
  public:
    SmallMarket() {
        symbols_.push_back(std::make_unique<SymbolState>());
        SymbolState& symbol = *symbols_.back();
        symbol.name = "BTCUSDT";
        symbol.book.last_update_id = 77;
        symbol.book.bids = {{5 * e8_one, e8_one}, {4 * e8_one, 2 * e8_one}};
        symbol.book.asks = {{6 * e8_one, 3 * e8_one}};
        symbol.stale_book.last_update_id = 3;
        for (int64_t i = 0; i < 10; ++i) {
            symbol.trades.add(Trade{100 + i, 5 * e8_one, e8_one / 2, (1000 + i) * 1000, i % 2 == 0});
            symbol.agg_trades.add(AggTrade{i, 5 * e8_one, e8_one, 100 + i, 100 + i, (1000 + i) * 1000, true});
        }
    }
    std::string_view mode() const override { return "small"; }
    std::optional<int64_t> next_due_ns() const override { return {}; }
    void play_next(int64_t, std::vector<FramePtr>&) override {}
    void finish(int64_t, std::vector<FramePtr>&) override {}
};

RestReply ask(std::string_view target, bool in_micros = false, bool stale = false) {
    static const SmallMarket market;
    RestContext context;
    context.market = &market;
    context.now_us = 1'700'000'000'123'456;
    context.in_micros = in_micros;
    context.stale_depth = stale;
    return answer_rest(parse_target(target), context);
}

std::string ids(const RowRange& range) {
    Played<Trade> played;
    for (int64_t i = 0; i < 10; ++i) played.add(Trade{100 + i * 2, e8_one, e8_one, i * 1000, false});
    std::string out;
    const std::string text = print_trades(played, range, true);
    for (size_t at = text.find("\"id\":"); at != std::string::npos; at = text.find("\"id\":", at + 1)) {
        out += text.substr(at + 5, 3) + " ";
    }
    return out;
}

}  // namespace

TEST_CASE("depth is printed best first, cut to the limit, with eight digits") {
    REQUIRE(ask("/api/v3/depth?symbol=BTCUSDT&limit=1").body ==
            R"({"lastUpdateId":77,"bids":[["5.00000000","1.00000000"]],"asks":[["6.00000000","3.00000000"]]})");
    REQUIRE(ask("/api/v3/depth?symbol=BTCUSDT", false, true).body == R"({"lastUpdateId":3,"bids":[],"asks":[]})");
}

TEST_CASE("trades are picked from the end, from an id, or between times") {
    REQUIRE(ids({3, {}, {}, {}}) == "114 116 118 ");
    REQUIRE(ids({2, 104, {}, {}}) == "104 106 ");
    REQUIRE(ids({2, 105, {}, {}}) == "106 108 ");
    REQUIRE(ids({500, 118, {}, {}}) == "118 ");
    REQUIRE(ids({500, 119, {}, {}}).empty());
    REQUIRE(ids({2, {}, 3000, {}}) == "106 108 ");
    REQUIRE(ids({2, {}, {}, 3000}) == "104 106 ");
    REQUIRE(ids({500, {}, 2000, 4000}) == "104 106 108 ");
    REQUIRE(ids({500, {}, 4000, 2000}).empty());
}

TEST_CASE("trades have REST's names, and the time unit asked for") {
    REQUIRE(ask("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=101&limit=1").body ==
            R"([{"id":101,"price":"5.00000000","qty":"0.50000000","quoteQty":"2.50000000","time":1001,)"
            R"("isBuyerMaker":false,"isBestMatch":true}])");
    REQUIRE(ask("/api/v3/aggTrades?symbol=BTCUSDT&fromId=9", true).body ==
            R"([{"a":9,"p":"5.00000000","q":"1.00000000","f":109,"l":109,"T":1009000,"m":true,"M":true}])");
    REQUIRE(ask("/api/v3/time").body == R"({"serverTime":1700000000123})");
    REQUIRE(ask("/api/v3/time", true).body == R"({"serverTime":1700000000123456})");
}

TEST_CASE("bad parameters have their documented codes") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"depth", "-1102"},
        {"depth?symbol=btcusdt", "-1121"},
        {"trades?symbol=BTCUSDT&limit=1e3", "-1100"},
        {"trades?symbol=BTCUSDT&limit=99999999999999999999", "-1100"},
        {"depth?symbol=BTCUSDT&limit=-5", "-1130"},
        {"aggTrades?symbol=BTCUSDT&fromId=1&endTime=2", "-1128"},
    };
    for (const auto& [route, code] : cases) {
        const RestReply reply = ask("/api/v3/" + route);
        INFO(route);
        REQUIRE(reply.status == 400);
        REQUIRE_THAT(reply.body, Catch::StartsWith("{\"code\":" + code + ","));
    }
    REQUIRE(ask("/api/v1/depth").status == 404);
}

TEST_CASE("weights follow the route and the limit") {
    const auto weight = [](std::string_view target) { return weight_of(parse_target(target)); };
    REQUIRE(weight("/api/v3/depth?limit=100") == 5);
    REQUIRE(weight("/api/v3/depth?limit=101") == 25);
    REQUIRE(weight("/api/v3/depth?limit=1000") == 50);
    REQUIRE(weight("/api/v3/depth?limit=1001") == 250);
    REQUIRE(weight("/api/v3/depth?limit=no") == 5);
    REQUIRE(weight("/api/v3/historicalTrades") == 25);
    REQUIRE(weight("/api/v3/exchangeInfo") == 20);
    REQUIRE(weight("/else") == 1);
}

TEST_CASE("a target is cut and decoded") {
    const RestQuery query = parse_target("/a%2Fb?x=1&y=%5B%22A%22%5D&&z&w=%zz+%4");
    REQUIRE(query.path == "/a/b");
    REQUIRE(query.find("x") == "1");
    REQUIRE(query.find("y") == "[\"A\"]");
    REQUIRE(query.find("z") == "");
    REQUIRE(query.find("w") == "%zz+%4");
    REQUIRE_FALSE(query.find("q").has_value());
    REQUIRE(requested_symbols(query) == std::nullopt);
    REQUIRE(requested_symbols(parse_target("/?symbols=[\"A\",\"B\"]")) == std::vector<std::string>{"A", "B"});
}

TEST_CASE("weight is counted in fixed minutes; too much is 429, going on is 418, and both end") {
    RestLimits limits({100, 2, 120});
    REQUIRE_FALSE(limits.charge(100, 50'000).has_value());
    const auto refused = limits.charge(1, 50'500);
    REQUIRE(refused->status == 429);
    REQUIRE(refused->retry_after_s == 10);
    REQUIRE(limits.charge(1, 51'000)->status == 429);
    const auto banned = limits.charge(1, 52'000);
    REQUIRE(banned->status == 418);
    REQUIRE(banned->retry_after_s == 120);
    REQUIRE(limits.charge(1, 100'000)->status == 418);  // a new minute does not lift a ban
    REQUIRE_FALSE(limits.charge(1, 172'000).has_value());
    REQUIRE(limits.used(172'001) == 1);
    REQUIRE(limits.used(180'000) == 0);
}
