// One symbol of the synthetic market: a seeded random walk of an order book, with trades that eat its best
// levels.
//
// Every change of a level takes the next update id; depth events cover all ids without a hole, and a
// bookTicker carries the id of the change that moved the top. So the documented rules hold, the
// bookTicker oracle included. Everything follows from the seed; no clock is read. Owned by the
// SyntheticMarket.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/exchange/market.hpp"

namespace of::exchange {

struct BestQuote {
    int64_t update_id = 0;
    e8_t bid = 0, bid_quantity = 0, ask = 0, ask_quantity = 0;
};

struct DepthDelta {
    int64_t first_id = 0, last_id = 0;
    std::vector<std::pair<e8_t, e8_t>> bids, asks;
};

/// What one step did, in the order in which it is published: trades, their sum, then the new top.
struct Activity {
    std::vector<Trade> trades;
    std::optional<AggTrade> agg_trade;
    std::optional<BestQuote> quote;
};

class SyntheticSymbol {
  public:
    SyntheticSymbol(SymbolState& state, uint64_t seed);

    /// A trade, or a change of the best levels.
    Activity act();

    /// Changes behind the top, as a busy book has them; sometimes one at the top as the last.
    std::optional<BestQuote> stir();

    /// Everything since the last call as one depth event; nothing when no level changed.
    std::optional<DepthDelta> take_delta();

    /// Frames that act() makes on average, for the rate.
    static constexpr double frames_per_act = 1.75;

    /// The time to the next act, exponential around `mean_ns`.
    int64_t pause_ns(int64_t mean_ns);

  private:
    enum class Side : uint8_t { bid, ask };

    uint64_t below(uint64_t bound) { return random_() % bound; }
    bool chance(uint64_t percent) { return below(100) < percent; }
    e8_t order_quantity();
    e8_t level_quantity();
    void drift();
    bool rising() const;
    int64_t id_from_seed(int64_t base);
    e8_t best(Side side) const;
    size_t levels(Side side) const;
    void set(Side side, e8_t price, e8_t quantity);
    void fill_book();
    void change_top();
    void change_behind_top();
    void trim(Side side);
    void trade(Activity& activity);
    e8_t fill(Activity& activity, Side maker, e8_t price, e8_t wanted);
    BestQuote quote() const;

    SymbolState& state_;
    std::mt19937_64 random_;
    e8_t start_price_ = 0;
    e8_t fair_price_ = 0;  // a random walk of its own, which the book's middle is drawn to
    int64_t next_trade_id_ = 0;
    int64_t next_agg_id_ = 0;
    int64_t delta_from_ = 0;  // the last id of the last depth event
    std::map<e8_t, e8_t> bid_changes_, ask_changes_;
};

}  // namespace of::exchange
