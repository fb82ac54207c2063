#include "tests/exchange/synthetic_symbol.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace of::exchange {

namespace {

constexpr size_t levels_start = 500;
constexpr size_t levels_min = 100;
constexpr size_t levels_max = 1500;
constexpr int64_t spread_ticks_max = 100;

/// A price to start from: real ones for the two best known, else something from the name.
e8_t price_for(const std::string& name) {
    if (name.starts_with("BTC")) return 61'840 * e8_one;
    if (name.starts_with("ETH")) return 2'684 * e8_one;
    uint64_t hash = 1469598103934665603ULL;
    for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ULL;
    return static_cast<e8_t>(hash % 200 + 20) * e8_one;
}

}  // namespace

SyntheticSymbol::SyntheticSymbol(SymbolState& state, uint64_t seed) : state_(state), random_(seed) {
    start_price_ = fair_price_ = price_for(state.name);
    state_.tick = start_price_ > 1'000 * e8_one ? 1'000'000 : 10'000;
    state_.lot = start_price_ > 10'000 * e8_one ? 1'000 : 10'000;
    next_trade_id_ = id_from_seed(3'700'000'000);
    next_agg_id_ = id_from_seed(1'000'000'000);
    fill_book();
    state_.book.last_update_id = id_from_seed(50'000'000'000);
    delta_from_ = state_.book.last_update_id;
    state_.stale_book = state_.book;
    state_.stale_book.last_update_id -= 1'000;
    bid_changes_.clear();
    ask_changes_.clear();
}

int64_t SyntheticSymbol::id_from_seed(int64_t base) { return base + static_cast<int64_t>(below(100'000'000)); }

int64_t SyntheticSymbol::pause_ns(int64_t mean_ns) {
    const double uniform = static_cast<double>(random_() >> 11) * 0x1.0p-53;
    return 1 + static_cast<int64_t>(-std::log1p(-uniform) * static_cast<double>(mean_ns));
}

/// Of a taker: half are below a hundred lots, few are many thousands.
e8_t SyntheticSymbol::order_quantity() {
    const auto doublings = static_cast<uint64_t>(__builtin_ctzll(random_() | 1ULL << 8));
    return static_cast<e8_t>(1 + below(uint64_t{64} << doublings * 2)) * state_.lot;
}

/// What stands on a level: many orders together.
e8_t SyntheticSymbol::level_quantity() { return order_quantity() * static_cast<e8_t>(1 + below(32)); }

/// About 0.03 % a minute at a hundred acts a second, and turned back at 5 % from the start.
void SyntheticSymbol::drift() {
    const e8_t step = start_price_ / 400'000;
    fair_price_ += step * (static_cast<e8_t>(below(5)) - 2);
    const e8_t reach = start_price_ / 20;
    fair_price_ = std::clamp(fair_price_, start_price_ - reach, start_price_ + reach);
}

bool SyntheticSymbol::rising() const { return best(Side::bid) < fair_price_; }

e8_t SyntheticSymbol::best(Side side) const {
    return side == Side::bid ? state_.book.bids.begin()->first : state_.book.asks.begin()->first;
}

size_t SyntheticSymbol::levels(Side side) const {
    return side == Side::bid ? state_.book.bids.size() : state_.book.asks.size();
}

void SyntheticSymbol::set(Side side, e8_t price, e8_t quantity) {
    if (side == Side::bid) {
        Book::set(state_.book.bids, price, quantity);
        bid_changes_[price] = quantity;
    } else {
        Book::set(state_.book.asks, price, quantity);
        ask_changes_[price] = quantity;
    }
    ++state_.book.last_update_id;
}

void SyntheticSymbol::fill_book() {
    e8_t bid = start_price_;
    e8_t ask = start_price_ + state_.tick;
    for (size_t i = 0; i < levels_start; ++i) {
        set(Side::bid, bid, level_quantity());
        set(Side::ask, ask, level_quantity());
        bid -= state_.tick * static_cast<e8_t>(1 + below(1 + i / 2));
        ask += state_.tick * static_cast<e8_t>(1 + below(1 + i / 2));
    }
}

BestQuote SyntheticSymbol::quote() const {
    const auto& bid = *state_.book.bids.begin();
    const auto& ask = *state_.book.asks.begin();
    return {state_.book.last_update_id, bid.first, bid.second, ask.first, ask.second};
}

/// A better price inside the spread, a cancelled best level, or another quantity. The side that the walk
/// leads to betters its price more often, the other one gives way.
void SyntheticSymbol::change_top() {
    const e8_t bid = best(Side::bid);
    const e8_t ask = best(Side::ask);
    const Side side = chance(50) ? Side::bid : Side::ask;
    const int64_t room = (ask - bid) / state_.tick - 1;
    const bool leads = (side == Side::bid) == rising();
    if (room > 0 && (room > spread_ticks_max || chance(leads ? 60 : 20))) {
        const auto ticks = chance(60) ? room : 1 + static_cast<int64_t>(below(static_cast<uint64_t>(room)));
        set(side, side == Side::bid ? bid + state_.tick * ticks : ask - state_.tick * ticks, level_quantity());
    } else if (room <= spread_ticks_max && levels(side) > levels_min && chance(leads ? 5 : 25)) {
        for (uint64_t gone = 1 + below(leads ? 1 : 6); gone > 0; --gone) set(side, best(side), 0);
    } else {
        set(side, best(side), level_quantity());
    }
}

void SyntheticSymbol::change_behind_top() {
    const Side side = chance(50) ? Side::bid : Side::ask;
    const auto reach = uint64_t{64} << below(10);  // near levels change more often than far ones
    const e8_t distance = state_.tick * static_cast<e8_t>(1 + below(reach));
    const e8_t price = side == Side::bid ? best(side) - distance : best(side) + distance;
    if (price < state_.tick) return;
    const bool known = side == Side::bid ? state_.book.bids.contains(price) : state_.book.asks.contains(price);
    const bool remove = known && levels(side) > levels_min && chance(55);
    set(side, price, remove ? 0 : level_quantity());
    trim(side);
}

void SyntheticSymbol::trim(Side side) {
    if (levels(side) <= levels_max) return;
    set(side, side == Side::bid ? state_.book.bids.rbegin()->first : state_.book.asks.rbegin()->first, 0);
}

std::optional<BestQuote> SyntheticSymbol::stir() {
    const uint64_t changes = 6 + below(uint64_t{8} << std::min<uint64_t>(below(8) * below(8) / 8, 6));
    for (uint64_t i = 0; i < changes; ++i) change_behind_top();
    if (!chance(40)) return {};
    change_top();
    return quote();
}

/// Takes up to `wanted` from the maker's level as one trade; returns how much.
e8_t SyntheticSymbol::fill(Activity& activity, Side maker, e8_t price, e8_t wanted) {
    const e8_t there = maker == Side::bid ? state_.book.bids.begin()->second : state_.book.asks.begin()->second;
    const e8_t taken = std::min(there, wanted);
    set(maker, price, there - taken);
    activity.trades.push_back(Trade{next_trade_id_++, price, taken, 0, maker == Side::bid});
    return taken;
}

/// A taker's order against the best level; several makers stand there, so it often makes several trades.
void SyntheticSymbol::trade(Activity& activity) {
    const Side maker = chance(rising() ? 42 : 58) ? Side::bid : Side::ask;
    const e8_t price = best(maker);
    const uint64_t makers = chance(60) ? 1 : 2 + below(3);
    e8_t total = 0;
    for (uint64_t i = 0; i < makers && best(maker) == price && levels(maker) > levels_min; ++i) {
        total += fill(activity, maker, price, order_quantity());
    }
    if (activity.trades.empty()) return;
    activity.agg_trade = AggTrade{
        next_agg_id_++, price, total, activity.trades.front().id, activity.trades.back().id, 0, maker == Side::bid};
}

Activity SyntheticSymbol::act() {
    Activity activity;
    drift();
    if (chance(25)) trade(activity);
    if (activity.trades.empty()) change_top();
    activity.quote = quote();
    return activity;
}

std::optional<DepthDelta> SyntheticSymbol::take_delta() {
    if (state_.book.last_update_id == delta_from_) return {};
    DepthDelta delta{delta_from_ + 1, state_.book.last_update_id, {}, {}};
    delta.bids.assign(bid_changes_.rbegin(), bid_changes_.rend());
    delta.asks.assign(ask_changes_.begin(), ask_changes_.end());
    bid_changes_.clear();
    ask_changes_.clear();
    delta_from_ = delta.last_id;
    return delta;
}

}  // namespace of::exchange
