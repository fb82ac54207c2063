#include <catch2/catch.hpp>
#include <map>

#include "tests/exchange/synthetic_market.hpp"

using namespace of;
using namespace of::exchange;

namespace {

/// Plays so much market time; returns all texts.
std::string play(Market& market, int64_t until_ns) {
    std::vector<FramePtr> frames;
    while (market.next_due_ns() && *market.next_due_ns() <= until_ns) market.play_next(1'700'000'000'000'000, frames);
    std::string out;
    for (const auto& frame : frames) out += std::string(frame->text) + "\n";
    return out;
}

}  // namespace

TEST_CASE("the same seed makes the same market, another one makes another") {
    StreamTable streams;
    SyntheticSettings settings;
    settings.seed = 42;
    SyntheticMarket first(settings, streams), second(settings, streams);
    settings.seed = 43;
    SyntheticMarket third(settings, streams);
    const std::string text = play(first, 5'000'000'000);
    REQUIRE(text.size() > 10'000);
    REQUIRE(text == play(second, 5'000'000'000));
    REQUIRE(text != play(third, 5'000'000'000));
}

TEST_CASE("the book is never crossed or empty, however long the market runs and whatever the price") {
    StreamTable streams;
    SyntheticSettings settings;
    settings.symbols = {"BTCUSDT", "ETHUSDT", "DOGEUSDT", "XY"};
    settings.seed = 5;
    SyntheticMarket market(settings, streams);
    for (int64_t s = 1; s <= 300; ++s) {
        play(market, s * 1'000'000'000);
        for (const auto& symbol : market.symbols()) {
            INFO(symbol->name << " after " << s << " s");
            REQUIRE(symbol->book.bids.size() >= 90);
            REQUIRE(symbol->book.asks.size() >= 90);
            REQUIRE(symbol->book.bids.rbegin()->first > 0);
            REQUIRE(symbol->book.bids.begin()->first < symbol->book.asks.begin()->first);
            REQUIRE(symbol->book.bids.begin()->first % symbol->tick == 0);
        }
    }
}

TEST_CASE("depth deltas cover every id and rebuild the book") {
    SymbolState state;
    state.name = "BTCUSDT";
    SyntheticSymbol symbol(state, 9);
    Book copy = state.book;
    for (int i = 0; i < 2000; ++i) {
        symbol.act();
        if (i % 10 == 0) symbol.stir();
        if (i % 7 != 0) continue;
        const auto delta = symbol.take_delta();
        REQUIRE(delta.has_value());
        REQUIRE(delta->first_id == copy.last_update_id + 1);
        for (const auto& [price, quantity] : delta->bids) Book::set(copy.bids, price, quantity);
        for (const auto& [price, quantity] : delta->asks) Book::set(copy.asks, price, quantity);
        copy.last_update_id = delta->last_id;
        REQUIRE(print_depth(copy, 5000) == print_depth(state.book, 5000));
    }
    REQUIRE(symbol.take_delta().has_value() == (copy.last_update_id != state.book.last_update_id));
    REQUIRE_FALSE(symbol.take_delta().has_value());
}

TEST_CASE("a finished market closes its depth and plays no more") {
    StreamTable streams;
    SyntheticMarket market({}, streams);
    play(market, 1'050'000'000);
    std::vector<FramePtr> last;
    market.finish(1, last);
    REQUIRE(last.size() == 2);
    REQUIRE_FALSE(market.next_due_ns().has_value());
    last.clear();
    market.finish(1, last);
    REQUIRE(last.empty());
}
