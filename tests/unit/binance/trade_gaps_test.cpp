#include "workers/binance/trade_gaps.hpp"

#include <catch2/catch.hpp>

using namespace of::binance;
using Kind = TradeGaps::Kind;

TEST_CASE("the first id opens no gap unless a predecessor has left its last one", "[binance][gaps]") {
    TradeGaps fresh;
    CHECK_FALSE(fresh.observe(500).has_gap());
    TradeGaps resumed;
    resumed.seed(490);
    const auto verdict = resumed.observe(500);
    CHECK(verdict.kind == Kind::fresh);
    CHECK(verdict.gap_first == 491);
    CHECK(verdict.gap_last == 499);
    CHECK(resumed.missing(1, 1000) == 9);
}

TEST_CASE("an id that comes again is a double, a missing one that comes late is not", "[binance][gaps]") {
    TradeGaps gaps;
    gaps.observe(10);
    CHECK(gaps.observe(10).kind == Kind::twice);
    gaps.observe(13);
    CHECK(gaps.observe(12).kind == Kind::late);
    CHECK(gaps.observe(12).kind == Kind::twice);
    CHECK(gaps.missing(11, 12) == 1);
    CHECK(gaps.observe(14).kind == Kind::fresh);
    CHECK_FALSE(gaps.observe(15).has_gap());
}

TEST_CASE("each missing id can be taken once, from either end and from the middle", "[binance][gaps]") {
    TradeGaps gaps;
    gaps.observe(1);
    gaps.observe(11);
    for (const int64_t id : {2, 10, 6, 5, 7}) CHECK(gaps.take(id));
    for (const int64_t id : {2, 10, 6, 5, 7, 1, 11, 12}) CHECK_FALSE(gaps.take(id));
    CHECK(gaps.missing(2, 10) == 4);
    CHECK(gaps.missing(3, 4) == 2);
    for (const int64_t id : {3, 4, 8, 9}) CHECK(gaps.take(id));
    CHECK(gaps.missing(2, 10) == 0);
}

TEST_CASE("ids that go back by a lot are a new epoch, by a little they are doubles", "[binance][gaps]") {
    TradeGaps gaps;
    gaps.observe(3'735'683'259);
    gaps.observe(3'735'683'300);
    CHECK(gaps.observe(3'735'683'290).kind == Kind::late);
    CHECK(gaps.observe(3'735'683'200).kind == Kind::twice);
    CHECK(gaps.observe(3'735'600'000).kind == Kind::new_epoch);
    CHECK(gaps.last() == 3'735'600'000);
    CHECK(gaps.missing(0, 3'735'683'300) == 0);
    TradeGaps small;
    small.observe(5'000);
    CHECK(small.observe(1).kind == Kind::new_epoch);
    TradeGaps tiny;
    tiny.observe(900);
    CHECK(tiny.observe(1).kind == Kind::twice);
}

TEST_CASE("gaps of a predecessor are missing again", "[binance][gaps]") {
    TradeGaps gaps;
    gaps.seed(100);
    gaps.mark_missing(40, 50);
    gaps.mark_missing(20, 22);
    CHECK(gaps.missing(0, 100) == 14);
    CHECK(gaps.take(21));
    CHECK(gaps.observe(45).kind == Kind::late);
    CHECK(gaps.missing(0, 100) == 12);
}

TEST_CASE("beyond their bound the oldest ranges are forgotten", "[binance][gaps]") {
    TradeGaps gaps;
    gaps.observe(1);
    for (int64_t i = 1; i <= static_cast<int64_t>(TradeGaps::ranges_max) + 10; ++i) gaps.observe(1 + 2 * i);
    CHECK(gaps.missing(0, 1'000'000) == static_cast<int64_t>(TradeGaps::ranges_max));
    CHECK_FALSE(gaps.take(2));
}
