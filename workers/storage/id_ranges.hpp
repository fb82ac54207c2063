// Sets of exchange ids as ranges, and the watch over one symbol's ids. Pure.
//
// A feed's ids are contiguous, so a jump shows exactly what is missing. Ranges are inclusive, sorted and
// never touch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace of::storage {

struct IdRange {
    int64_t first = 0;
    int64_t last = 0;

    uint64_t size() const { return static_cast<uint64_t>(last - first) + 1; }
    friend bool operator==(const IdRange&, const IdRange&) = default;
};

class IdRanges {
  public:
    void add(IdRange added) {
        const auto from = std::ranges::lower_bound(ranges_, added.first - 1, {}, &IdRange::last);
        auto to = from;
        for (; to != ranges_.end() && to->first <= added.last + 1; ++to) {
            added.first = std::min(added.first, to->first);
            added.last = std::max(added.last, to->last);
        }
        ranges_.insert(ranges_.erase(from, to), added);
    }
    /// Whether the id was there.
    bool remove(int64_t id) {
        const auto at = std::ranges::lower_bound(ranges_, id, {}, &IdRange::last);
        if (at == ranges_.end() || at->first > id) return false;
        const IdRange left{at->first, id - 1};
        const IdRange right{id + 1, at->last};
        auto next = ranges_.erase(at);
        if (right.first <= right.last) next = ranges_.insert(next, right);
        if (left.first <= left.last) ranges_.insert(next, left);
        return true;
    }
    /// The parts of `range` that are not in the set.
    std::vector<IdRange> uncovered(IdRange range) const {
        std::vector<IdRange> parts;
        auto at = std::ranges::lower_bound(ranges_, range.first, {}, &IdRange::last);
        for (; at != ranges_.end() && at->first <= range.last; ++at) {
            if (range.first < at->first) parts.push_back({range.first, at->first - 1});
            range.first = at->last + 1;
        }
        if (range.first <= range.last) parts.push_back(range);
        return parts;
    }
    uint64_t size() const {
        uint64_t sum = 0;
        for (const auto& range : ranges_) sum += range.size();
        return sum;
    }
    const std::vector<IdRange>& ranges() const { return ranges_; }

  private:
    std::vector<IdRange> ranges_;
};

/// What is known of the ids of one symbol and kind: the last in the order of the feed, and those that the
/// ledger misses.
struct IdTrack {
    int64_t last = 0;  ///< 0 before the first
    IdRanges missing;
    uint64_t repaired = 0;  ///< ids that were missing and came after all

    /// Takes note of a stored row. Returns the ids that were jumped over, whether known as missing or not. A row that
    /// was fetched anew, or that fills a hole late, says nothing of the order; any other smaller id begins a new epoch
    /// of the exchange's counter (or is a double, which the rows themselves tell).
    std::optional<IdRange> arrive(int64_t id, bool is_repair) {
        const bool fills_hole = missing.remove(id);
        repaired += fills_hole;
        if (is_repair || fills_hole) return {};
        const auto before = last;
        last = id;
        if (before == 0 || id <= before + 1) return {};
        return IdRange{before + 1, id - 1};
    }
};

}  // namespace of::storage
