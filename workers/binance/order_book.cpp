#include "workers/binance/order_book.hpp"

#include <algorithm>
#include <functional>

namespace of::binance {
namespace {

constexpr size_t levels_usual = 8'192;

constexpr auto lower_price = [](const Level& a, const Level& b) { return a.price < b.price; };
constexpr auto higher_price = [](const Level& a, const Level& b) { return a.price > b.price; };

template <typename Worse>
void fill(std::vector<Level>& side, std::span<const Level> levels, Worse worse) {
    side.clear();
    std::ranges::copy_if(levels, std::back_inserter(side), [](const Level& level) { return level.quantity != 0; });
    std::ranges::sort(side, worse);
}

}  // namespace

OrderBook::OrderBook() {
    bids_.reserve(levels_usual);
    asks_.reserve(levels_usual);
}

void OrderBook::clear() {
    bids_.clear();
    asks_.clear();
}

void OrderBook::assign(std::span<const Level> bids, std::span<const Level> asks) {
    fill(bids_, bids, lower_price);
    fill(asks_, asks, higher_price);
}

void OrderBook::apply(std::span<const Level> bids, std::span<const Level> asks) {
    for (const auto& level : bids) set(bids_, level, lower_price);
    for (const auto& level : asks) set(asks_, level, higher_price);
}

template <typename Worse>
void OrderBook::set(std::vector<Level>& side, const Level& level, Worse worse) {
    const auto at = std::lower_bound(side.begin(), side.end(), level, worse);
    const bool known = at != side.end() && at->price == level.price;
    if (known && level.quantity != 0) {
        at->quantity = level.quantity;
    } else if (known) {
        side.erase(at);
    } else if (level.quantity != 0) {
        side.insert(at, level);
        if (side.size() <= levels_max) return;
        side.erase(side.begin());
        ++forgotten_;
    }
}

}  // namespace of::binance
