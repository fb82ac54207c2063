#include "workers/binance/order_book.hpp"

#include <catch2/catch.hpp>
#include <map>

#include "workers/binance/backoff.hpp"

using namespace of;
using namespace of::binance;

TEST_CASE("a snapshot in any order becomes two sorted sides", "[binance][book]") {
    OrderBook book;
    const Level bids[] = {{90, 1}, {100, 2}, {95, 0}, {80, 3}};
    const Level asks[] = {{120, 1}, {110, 2}};
    book.assign(bids, asks);
    REQUIRE(book.bids().size() == 3);
    CHECK(*book.best_bid() == Level{100, 2});
    CHECK(*book.best_ask() == Level{110, 2});
    CHECK_FALSE(book.crossed());
}

TEST_CASE("levels are absolute, zero removes, and an unknown removal is nothing", "[binance][book]") {
    OrderBook book;
    const Level first[] = {{100, 5}, {99, 1}};
    book.apply(first, {});
    const Level change[] = {{100, 7}, {98, 0}, {99, 0}};
    book.apply(change, {});
    REQUIRE(book.bids().size() == 1);
    CHECK(*book.best_bid() == Level{100, 7});
}

TEST_CASE("an empty side is not crossed; equal best prices are", "[binance][book]") {
    OrderBook book;
    const Level level[] = {{100, 1}};
    book.apply(level, {});
    CHECK_FALSE(book.crossed());
    CHECK(book.best_ask() == nullptr);
    book.apply({}, level);
    CHECK(book.crossed());
    book.clear();
    CHECK(book.best_bid() == nullptr);
}

TEST_CASE("a side that would grow past its bound forgets its farthest level", "[binance][book]") {
    OrderBook book;
    for (e8_t price = 1; price <= static_cast<e8_t>(OrderBook::levels_max) + 2; ++price) {
        const Level level[] = {{price, 1}};
        book.apply(level, level);
    }
    CHECK(book.bids().size() == OrderBook::levels_max);
    CHECK(book.best_bid()->price == static_cast<e8_t>(OrderBook::levels_max) + 2);
    CHECK(book.best_ask()->price == 1);
    CHECK(book.asks().size() == OrderBook::levels_max);
    CHECK(book.forgotten() == 4);
}

TEST_CASE("any sequence of changes gives what a sorted map gives", "[binance][book]") {
    const uint64_t seed = GENERATE(1u, 2u, 3u);
    CAPTURE(seed);
    Chance chance(seed);
    OrderBook book;
    std::map<e8_t, e8_t> bids;
    std::map<e8_t, e8_t> asks;
    for (int step = 0; step < 20'000; ++step) {
        auto& side = step % 2 == 0 ? bids : asks;
        const Level level[] = {{chance.up_to(300), chance.up_to(2)}};
        if (level[0].quantity == 0) {
            side.erase(level[0].price);
        } else {
            side[level[0].price] = level[0].quantity;
        }
        step % 2 == 0 ? book.apply(level, {}) : book.apply({}, level);
    }
    REQUIRE(book.bids().size() == bids.size());
    REQUIRE(book.asks().size() == asks.size());
    auto bid = bids.begin();
    for (const auto& level : book.bids()) CHECK(level == Level{bid->first, (bid++)->second});
    auto ask = asks.rbegin();
    for (const auto& level : book.asks()) CHECK(level == Level{ask->first, (ask++)->second});
}
