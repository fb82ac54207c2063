// All that the feed keeps for one symbol: its book, its trade ids, the health of its streams, its line in the
// book page.
//
// Takes decoded frames and publishes what follows from them, in order. Owned by Feed, one for each configured
// symbol; I/O other than the rings (snapshots, repairs) is its owner's.
#pragma once

#include "shm/book_page.hpp"
#include "workers/binance/book_sync.hpp"
#include "workers/binance/decoder.hpp"
#include "workers/binance/feed_metrics.hpp"
#include "workers/binance/market_tail.hpp"
#include "workers/binance/publisher.hpp"
#include "workers/binance/trade_gaps.hpp"
#include "workers/runtime/runtime.hpp"

namespace of::binance {

class Lane;

/// A range of ids to be fetched over REST.
struct Gap {
    Lane* lane;
    GapKind kind;
    int64_t first_id;
    int64_t last_id;
    CorrelationId correlation;
};

class GapSink {
  public:
    virtual ~GapSink() = default;
    virtual void on_gap(const Gap& gap) = 0;
};

/// What all lanes share; outlives them.
struct LaneContext {
    Runtime& runtime;
    MarketPublisher& market;
    FeedMetrics& metrics;
    shm::BookPage& page;
    GapSink& gaps;
};

class Lane : public BookSink {
  public:
    Lane(const LaneContext& context, std::string name, uint16_t index, uint64_t seed);

    /// Goes on behind a predecessor: its last ids, and its gaps that are still open. Then declares the book
    /// void.
    void begin(const SymbolTail& tail);
    /// A market frame of this symbol, just decoded.
    void on_frame(const Frame& frame, const Mark& mark);
    /// Whether the frame continues what is known without a hole: of two lines that run side by side, the
    /// younger must not open gaps.
    bool continues(const Frame& frame) const;
    void on_connect(int64_t now_ns);
    void on_disconnect(CorrelationId cause);
    /// Reports a silence of `stale_after_ms`, once.
    void watch(int64_t now_ns, int64_t stale_after_ms);

    /// A trade that a repair brought: published if it was missing.
    void on_repaired(GapKind kind, const TradeFields& trade, const Mark& mark);
    /// Ends a gap: tells how many of its ids are here now; 0 is told to nobody. Returns that number.
    int64_t close_gap(const Gap& gap);
    int64_t missing(const Gap& gap) const { return ids(gap.kind).missing(gap.first_id, gap.last_id); }

    BookSync::Joined on_snapshot(uint64_t ticket, const Snapshot& snapshot, const Mark& mark);
    BookSync& book() { return sync_; }
    const BookSync& book() const { return sync_; }

    const std::string& name() const { return name_; }
    uint16_t index() const { return index_; }
    void fill(ReplyBook& reply) const;
    void fill(ReplyFeedStatus& reply) const;

  private:
    void on_book_reset(ResetReason reason, int64_t from_id) override;
    void on_book_snapshot(const Snapshot& snapshot) override;
    void on_book_delta(const DepthEvent& event) override;
    void on_oracle(bool equal, int64_t update_id) override;
    void on_book_state(BookState state) override;

    void on_trade(const Frame& frame, const Mark& mark);
    void on_quote(const QuoteFields& quote, const Mark& mark);
    void open_gap(GapKind kind, int64_t first_id, int64_t last_id, CorrelationId correlation);
    void publish(GapKind kind, const TradeFields& trade, const Mark& mark, uint8_t flags);
    void trace(const Mark& mark, int64_t subject, uint64_t position);
    void set_stream(StreamState state, std::string_view detail, CorrelationId cause);
    TradeGaps& ids(GapKind kind) { return kind == GapKind::trade ? trades_ : aggs_; }
    const TradeGaps& ids(GapKind kind) const { return kind == GapKind::trade ? trades_ : aggs_; }
    shm::BookEntry& entry() const { return context_.page.entries[index_]; }

    LaneContext context_;
    std::string name_;
    uint16_t index_;
    BookSync sync_;
    TradeGaps trades_;
    TradeGaps aggs_;
    Mark mark_;  // of the work that the book is busy with
    int64_t decoded_ns_ = 0;
    int64_t last_quote_id_ = 0;
    int64_t last_update_id_ = 0;
    StreamState stream_ = StreamState::disconnected;
    uint64_t frames_ = 0;
    int64_t last_frame_wall_ns_ = 0;
    int64_t last_frame_mono_ns_ = 0;
    uint64_t oracle_compared_ = 0;
    uint64_t oracle_mismatched_ = 0;
};

}  // namespace of::binance
