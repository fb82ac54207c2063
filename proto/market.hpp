// Messages of the market ring (`market.N`): slots of 128 bytes.
//
// Three times for each: exchange (as the exchange says, made nanoseconds), receive (CLOCK_REALTIME right after the
// read), and publish (monotonic, in the header). Never assume receive >= exchange: clocks differ by seconds in real
// recordings. Prices and quantities are int64 at 1e-8. The fields follow the exchange's streams (spot: trade, aggTrade,
// bookTicker, depth).
#pragma once

#include "proto/decimal.hpp"
#include "proto/message.hpp"

namespace of {

struct Trade {
    Header header;
    int64_t event_ns;    ///< `E`
    int64_t trade_ns;    ///< `T`, of the matching engine
    int64_t receive_ns;  ///< CLOCK_REALTIME
    int64_t id;          ///< `t`, contiguous for each symbol
    e8_t price;
    e8_t quantity;

    bool buyer_is_maker() const { return (header.flags & flag_buyer_is_maker) != 0; }
};
static_assert(fits<Trade, body_128> && sizeof(Trade) == 72);

struct AggTrade {
    Header header;
    int64_t event_ns;
    int64_t trade_ns;
    int64_t receive_ns;
    int64_t id;        ///< `a`, contiguous for each symbol
    int64_t first_id;  ///< `f`, first trade id of the aggregate
    int64_t last_id;   ///< `l`
    e8_t price;
    e8_t quantity;

    bool buyer_is_maker() const { return (header.flags & flag_buyer_is_maker) != 0; }
};
static_assert(fits<AggTrade, body_128> && sizeof(AggTrade) == 88);

struct BestQuote {
    Header header;
    int64_t receive_ns;
    int64_t update_id;  ///< `u`, in the id space of the book
    e8_t bid_price;
    e8_t bid_quantity;
    e8_t ask_price;
    e8_t ask_quantity;
};
static_assert(fits<BestQuote, body_128> && sizeof(BestQuote) == 72);

/// One level of a book side. Quantity 0 removes the level.
struct Level {
    e8_t price;
    e8_t quantity;
    friend constexpr bool operator==(const Level&, const Level&) = default;
};

inline constexpr size_t depth_head_levels = 3;
inline constexpr size_t depth_more_levels = 6;

/// First slot of a depth delta or snapshot. Its levels go on in DepthLevels slots right behind it, all committed at
/// once: bids first, then asks; a reader applies it only when all are there. header.count levels lie in this slot.
struct Depth {
    Header header;
    int64_t event_ns;  ///< `E`; 0 in a snapshot
    int64_t receive_ns;
    int64_t first_id;  ///< `U`; of a snapshot: lastUpdateId
    int64_t last_id;   ///< `u`; of a snapshot: lastUpdateId
    uint32_t bids;     ///< levels in the whole message
    uint32_t asks;
    Level levels[depth_head_levels];
};
static_assert(fits<Depth, body_128> && sizeof(Depth) == 112);

struct DepthLevels {
    Header header;
    Level levels[depth_more_levels];
};
static_assert(fits<DepthLevels, body_128> && sizeof(DepthLevels) == 120);

/// Slots that a depth message of `levels` levels takes.
constexpr size_t depth_slots(size_t levels) {
    if (levels <= depth_head_levels) return 1;
    return 1 + (levels - depth_head_levels + depth_more_levels - 1) / depth_more_levels;
}

/// The most levels that one depth message carries: a snapshot of 5,000 a side. A larger one is refused and counted.
inline constexpr size_t depth_levels_max = 10'000;
inline constexpr size_t depth_slots_max = depth_slots(depth_levels_max);

enum class ResetReason : uint32_t { start, disconnected, gap, crossed, oracle_mismatch, refused_delta, buffer_full };

/// The book of this symbol is void until the next depth_snapshot; what comes from an older epoch must be dropped.
struct BookReset {
    Header header;
    ResetReason reason;
    uint32_t epoch;   ///< of the book; counts up with each reset
    int64_t from_id;  ///< last update id that was right, 0 for none
};
static_assert(fits<BookReset, body_128> && sizeof(BookReset) == 40);

enum class GapKind : uint32_t { trade, agg_trade };

/// Ids first_id..last_id (inclusive) never arrived over the stream.
struct GapOpened {
    Header header;
    GapKind kind;
    uint32_t reserved;
    int64_t first_id;
    int64_t last_id;
    int64_t detected_ns;  ///< CLOCK_REALTIME
};
static_assert(fits<GapOpened, body_128> && sizeof(GapOpened) == 56);

/// The end of a repair: `repaired` of the ids first_id..last_id were published behind the gap's opening.
struct GapRepaired {
    Header header;
    GapKind kind;
    uint32_t reserved;
    int64_t first_id;
    int64_t last_id;
    int64_t repaired;
    int64_t finished_ns;  ///< CLOCK_REALTIME
};
static_assert(fits<GapRepaired, body_128> && sizeof(GapRepaired) == 64);

enum class StreamState : uint32_t { connecting, connected, disconnected, healthy, stale, server_shutdown };

struct StreamEvent {
    Header header;
    StreamState state;
    uint32_t attempt;  ///< of the reconnect, from 1
    int64_t at_ns;     ///< CLOCK_REALTIME
    int64_t delay_ms;  ///< until the next attempt, where one follows
    FixedText<64> detail;
};
static_assert(fits<StreamEvent, body_128> && sizeof(StreamEvent) == 112);

std::string_view name_of(ResetReason reason);  // message_names.cpp
std::string_view name_of(GapKind kind);
std::string_view name_of(StreamState state);

}  // namespace of
