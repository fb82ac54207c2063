// Which trade ids of one symbol and kind are here, and which are missing. Pure; owned by one lane.
//
// The exchange numbers trades without holes. The ids above the last one seen are new; a jump opens a gap; ids
// at or below it are late (a missing one arrives after all) or doubles. Ids that go back by a lot are a new
// epoch (test networks are wiped).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace of::binance {

class TradeGaps {
  public:
    static constexpr int64_t epoch_distance = 10'000;       ///< further back than this is a new epoch
    static constexpr int64_t epoch_distance_small = 1'000;  ///< the same, for ids that are also below half of the last
    static constexpr size_t ranges_max = 4'096;  ///< missing ranges remembered; beyond it the oldest are forgotten

    enum class Kind : uint8_t { fresh, late, twice, new_epoch };
    struct Verdict {
        Kind kind = Kind::fresh;
        int64_t gap_first = 0;  ///< gap_first..gap_last are missing before this id; no gap when gap_last < gap_first
        int64_t gap_last = -1;

        bool has_gap() const { return gap_first <= gap_last; }
    };

    /// What a predecessor has published last; 0 for nothing.
    void seed(int64_t last_id) { last_ = last_id; }
    /// Ids that a predecessor found missing, or that are to be fetched again.
    void mark_missing(int64_t first, int64_t last);

    Verdict observe(int64_t id);
    /// Whether `id` was missing; it no longer is. For trades that a repair brings.
    bool take(int64_t id);
    /// How many of first..last are still missing.
    int64_t missing(int64_t first, int64_t last) const;
    int64_t last() const { return last_; }

  private:
    struct Range {
        int64_t first;
        int64_t last;
    };
    bool is_new_epoch(int64_t id) const;

    int64_t last_ = 0;
    std::vector<Range> missing_;  // ascending, disjoint
};

}  // namespace of::binance
