// The counters of the feed, registered once while starting. Names are listed in FEED.md.
#pragma once

#include "workers/runtime/metrics.hpp"

namespace of::binance {

struct FeedMetrics {
    explicit FeedMetrics(Metrics& metrics);

    Counter trades, agg_trades, best_quotes, depth_deltas, depth_snapshots;  // market_published_total by type
    Counter frames_received, frames_refused, frames_unknown, trades_twice, trades_void;
    Counter reconnects, rotations;
    Counter gap_ids, gap_ids_repaired;
    Counter snapshots_requested, book_resets;
    Counter oracle_compared, oracle_mismatched;
    Gauge connected, books_synced, used_weight, limited_ms;
    Histogram receive_to_ring;
};

}  // namespace of::binance
