// Market messages into `market.N`, filled in where they lie in the ring. A depth message and all its levels
// are one batch.
//
// Owned by the feed's thread; never waits: the ring overwrites its oldest. Each call returns the position of
// the message.
#pragma once

#include "workers/binance/frame.hpp"
#include "workers/runtime/channels.hpp"

namespace of::binance {

/// Header::symbol of a message that is about a whole connection.
inline constexpr uint16_t no_symbol = 0xffff;

class MarketPublisher {
  public:
    explicit MarketPublisher(Publisher<128> ring) : ring_(std::move(ring)) {}

    uint64_t trade(uint16_t symbol, const TradeFields& trade, const Mark& mark, uint8_t flags = 0);
    uint64_t agg_trade(uint16_t symbol, const TradeFields& trade, const Mark& mark, uint8_t flags = 0);
    uint64_t best_quote(uint16_t symbol, const QuoteFields& quote, const Mark& mark);
    /// At most depth_levels_max levels.
    uint64_t depth_delta(uint16_t symbol, const DepthFields& depth, const Mark& mark);
    uint64_t depth_snapshot(uint16_t symbol, const Snapshot& snapshot, const Mark& mark);
    uint64_t book_reset(uint16_t symbol, ResetReason reason, uint32_t epoch, int64_t from_id,
                        CorrelationId correlation);
    uint64_t gap_opened(uint16_t symbol, GapKind kind, int64_t first_id, int64_t last_id, CorrelationId correlation);
    uint64_t gap_repaired(uint16_t symbol, GapKind kind, int64_t first_id, int64_t last_id, int64_t repaired,
                          CorrelationId correlation);
    uint64_t stream_event(uint16_t symbol, StreamState state, uint32_t attempt, int64_t delay_ms,
                          std::string_view detail, CorrelationId correlation);

    const shm::Segment& segment() const { return ring_.segment(); }
    uint64_t tail() const { return ring_.writer().tail(); }

  private:
    template <typename Message>
    Message& begin(MessageType type, uint16_t symbol, const Mark& mark, uint8_t flags = 0);
    uint64_t depth(MessageType type, uint16_t symbol, const DepthFields& depth, const Mark& mark);

    Publisher<128> ring_;
};

}  // namespace of::binance
