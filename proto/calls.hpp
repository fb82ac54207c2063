// Requests and replies between workers (`call.P.Q`, `reply.Q.P`): slots of 128 bytes.
//
// A call is one message; its reply is any number of rows and then one ReplyEnd, all with the call's correlation ID. A
// call whose deadline has passed is not served. A full queue answers `refused` at once, on the caller's side.
#pragma once

#include "proto/market.hpp"

namespace of {

enum class CallStatus : uint32_t {
    ok,
    overloaded,
    timed_out,
    unavailable,
    not_found,
    bad_request,
    cancelled,
    circuit_open,
    refused,  ///< by the caller's own side: too many calls wait already
};

std::string_view name_of(CallStatus status);  // message_names.cpp

/// Values of Call::from_id that are no ids. Ids of the exchange begin at 0 on some test networks.
constexpr int64_t from_newest = 0;
constexpr int64_t from_first = -1;

/// Any call: the type in the header says which.
struct Call {
    Header header;
    uint64_t deadline_ns;  ///< CLOCK_MONOTONIC
    SymbolText symbol;     ///< empty for all, where the call allows it
    int64_t from_id;       ///< call_trades: only ids above it, from the oldest on; from_newest: the newest ones
    uint32_t limit;        ///< rows, or levels a side (call_book; 0 for all)
    uint32_t reserved;
};
static_assert(fits<Call, body_128> && sizeof(Call) == 72);

struct ReplyEnd {
    Header header;
    CallStatus status;
    uint32_t rows;  ///< sent before it
};
static_assert(fits<ReplyEnd, body_128> && sizeof(ReplyEnd) == 32);

/// A stored trade, oldest first. header.correlation is the call's; `traced` the trade's own.
struct ReplyTrade {
    Header header;
    CorrelationId traced;
    int64_t id;
    int64_t trade_ns;
    int64_t receive_ns;
    e8_t price;
    e8_t quantity;
};
static_assert(fits<ReplyTrade, body_128> && sizeof(ReplyTrade) == 72);

/// One row for each symbol known to the store.
struct ReplyStorageStats {
    Header header;
    SymbolText symbol;
    uint64_t trades;  ///< rows in all days' files of this data directory
    uint64_t agg_trades;
    uint64_t gaps_open;  ///< ids in the ledger that were never repaired
    uint64_t gaps_repaired;
    int64_t last_trade_id;
    int64_t last_agg_id;
};
static_assert(fits<ReplyStorageStats, body_128> && sizeof(ReplyStorageStats) == 96);

enum class BookState : uint32_t { disconnected, buffering, snapshot_wait, synced };

std::string_view name_of(BookState state);  // message_names.cpp

/// A book as it is; its levels follow in ReplyLevels rows, bids from high to low, then asks from low to high.
struct ReplyBook {
    Header header;
    SymbolText symbol;
    BookState state;
    uint32_t epoch;
    int64_t last_update_id;
    uint32_t bids;  ///< levels that follow
    uint32_t asks;
    uint64_t oracle_compared;
    uint64_t oracle_mismatched;
    uint64_t resets;
};
static_assert(fits<ReplyBook, body_128> && sizeof(ReplyBook) == 96);

struct ReplyLevels {
    Header header;
    Level levels[depth_more_levels];
};
static_assert(fits<ReplyLevels, body_128> && sizeof(ReplyLevels) == 120);

/// One row for each symbol of a feed worker.
struct ReplyFeedStatus {
    Header header;
    SymbolText symbol;
    StreamState stream;
    BookState book;
    int64_t last_trade_id;
    int64_t last_agg_id;
    int64_t last_update_id;
    uint64_t frames;
    int64_t last_frame_ns;  ///< CLOCK_REALTIME
};
static_assert(fits<ReplyFeedStatus, body_128> && sizeof(ReplyFeedStatus) == 96);

}  // namespace of
