#include "workers/binance/feed_metrics.hpp"

namespace of::binance {
namespace {
constexpr std::string_view published = "market_published_total";
constexpr std::string_view published_help = "Messages published to the market ring";
}  // namespace

FeedMetrics::FeedMetrics(Metrics& metrics)
    : trades(metrics.counter(published, published_help, "type=\"trade\"")),
      agg_trades(metrics.counter(published, published_help, "type=\"agg_trade\"")),
      best_quotes(metrics.counter(published, published_help, "type=\"best_quote\"")),
      depth_deltas(metrics.counter(published, published_help, "type=\"depth_delta\"")),
      depth_snapshots(metrics.counter(published, published_help, "type=\"depth_snapshot\"")),
      frames_received(metrics.counter("frames_received_total", "Text frames read from the exchange")),
      frames_refused(metrics.counter("frames_refused_total", "Frames that could not be decoded exactly")),
      frames_unknown(
          metrics.counter("frames_unknown_total", "Frames of unknown events, or of symbols that are not configured")),
      trades_twice(metrics.counter("trades_twice_total", "Trades that had arrived before and were dropped")),
      trades_void(metrics.counter("trades_void_total", "Aggregate trades that the exchange has declared void")),
      reconnects(metrics.counter("reconnects_total", "Attempts to connect after the first")),
      rotations(metrics.counter("rotations_total", "Connections replaced while both ran")),
      gap_ids(metrics.counter("gap_ids_total", "Trade ids found missing")),
      gap_ids_repaired(metrics.counter("gap_ids_repaired_total", "Missing trade ids published after all")),
      snapshots_requested(metrics.counter("snapshots_requested_total", "Depth snapshots asked for")),
      book_resets(metrics.counter("book_resets_total", "Books declared void")),
      oracle_compared(
          metrics.counter("oracle_compared_total", "Books held against the exchange's best quote at the same update")),
      oracle_mismatched(metrics.counter("oracle_mismatched_total", "Books that differed from it")),
      connected(metrics.gauge("connected", "", "1 while a connection to the streams is open")),
      books_synced(metrics.gauge("books_synced", "", "Books that are in step with the exchange")),
      used_weight(metrics.gauge("rest_used_weight", "", "Request weight used in this minute, as the exchange says")),
      limited_ms(metrics.gauge("rest_limited_ms", "ms", "How long no request will be sent, after a 429 or 418")),
      receive_to_ring(
          metrics.histogram("receive_to_ring_ns", "ns", "From the read of a frame to its message in the ring")) {}

}  // namespace of::binance
