#include "workers/binance/trade_gaps.hpp"

#include <algorithm>

namespace of::binance {

bool TradeGaps::is_new_epoch(int64_t id) const {
    const auto back = last_ - id;
    return back > epoch_distance || (back > epoch_distance_small && id <= last_ / 2);
}

void TradeGaps::mark_missing(int64_t first, int64_t last) {
    const auto at = std::ranges::upper_bound(missing_, first, {}, &Range::first);
    missing_.insert(at, {first, last});
    if (missing_.size() > ranges_max) missing_.erase(missing_.begin());
}

TradeGaps::Verdict TradeGaps::observe(int64_t id) {
    if (last_ == 0 || id == last_ + 1) {
        last_ = id;
        return {};
    }
    if (id > last_) {
        const Verdict verdict{Kind::fresh, last_ + 1, id - 1};
        mark_missing(verdict.gap_first, verdict.gap_last);
        last_ = id;
        return verdict;
    }
    if (is_new_epoch(id)) {
        missing_.clear();
        last_ = id;
        return {Kind::new_epoch};
    }
    return {take(id) ? Kind::late : Kind::twice};
}

bool TradeGaps::take(int64_t id) {
    const auto after = std::ranges::upper_bound(missing_, id, {}, &Range::first);
    if (after == missing_.begin()) return false;
    const auto range = after - 1;
    if (id > range->last) return false;
    const auto before = *range;
    if (before.first == before.last) {
        missing_.erase(range);
    } else if (id == before.first) {
        range->first = id + 1;
    } else {
        range->last = id - 1;
        if (id != before.last) missing_.insert(range + 1, {id + 1, before.last});
    }
    return true;
}

int64_t TradeGaps::missing(int64_t first, int64_t last) const {
    int64_t count = 0;
    for (const auto& range : missing_)
        count += std::max<int64_t>(0, std::min(last, range.last) - std::max(first, range.first) + 1);
    return count;
}

}  // namespace of::binance
