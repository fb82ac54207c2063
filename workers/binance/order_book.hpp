// One symbol's order book: price levels of both sides, exact, with nothing known of the exchange's procedure.
//
// Two sorted vectors with the best price last: nearly all changes are near the best price and so move few
// bytes, and a walk over levels is a walk over memory. Pure; owned by one BookSync. It allocates only while
// it grows past its largest size so far. A side that would pass levels_max forgets its farthest level and
// counts it.
#pragma once

#include <span>
#include <vector>

#include "proto/market.hpp"

namespace of::binance {

class OrderBook {
  public:
    static constexpr size_t levels_max = 50'000;  ///< a side; snapshots bring 5,000

    OrderBook();

    void clear();
    /// Becomes exactly these levels, given in any order; levels without quantity are left out.
    void assign(std::span<const Level> bids, std::span<const Level> asks);
    /// Sets levels to their new absolute quantities; 0 removes, and removing what is not there is normal.
    void apply(std::span<const Level> bids, std::span<const Level> asks);

    /// nullptr for an empty side.
    const Level* best_bid() const { return bids_.empty() ? nullptr : &bids_.back(); }
    const Level* best_ask() const { return asks_.empty() ? nullptr : &asks_.back(); }
    bool crossed() const { return !bids_.empty() && !asks_.empty() && bids_.back().price >= asks_.back().price; }

    /// Worst first, best last.
    std::span<const Level> bids() const { return bids_; }
    std::span<const Level> asks() const { return asks_; }
    uint64_t forgotten() const { return forgotten_; }

  private:
    template <typename Worse>
    void set(std::vector<Level>& side, const Level& level, Worse worse);

    std::vector<Level> bids_;
    std::vector<Level> asks_;
    uint64_t forgotten_ = 0;
};

}  // namespace of::binance
