// What a frame of the exchange says, in our units: times in ns, prices and quantities as int64 at 1e-8.
//
// Plain values between the decoder, the per-symbol lane and the publisher. Views point into the decoder's
// buffers: they are valid until the next frame is decoded.
#pragma once

#include <span>
#include <string_view>

#include "proto/market.hpp"

namespace of::binance {

/// Which work a message belongs to, and when its bytes were read.
struct Mark {
    CorrelationId correlation;
    int64_t wall_ns = 0;
    int64_t mono_ns = 0;
    bool sampled = false;
};

struct TradeFields {
    int64_t event_ns = 0;  ///< 0 in trades that came over REST: there the exchange says only the trade time
    int64_t trade_ns = 0;
    int64_t id = 0;
    int64_t first_id = 0;  ///< aggregates only
    int64_t last_id = 0;
    e8_t price = 0;
    e8_t quantity = 0;
    bool buyer_is_maker = false;
    bool is_void = false;  ///< an invalidated aggregate (p=0, q=0, f=-1, l=-1): its id counts, its content does not
};

struct QuoteFields {
    int64_t update_id = 0;
    e8_t bid_price = 0;
    e8_t bid_quantity = 0;
    e8_t ask_price = 0;
    e8_t ask_quantity = 0;
};

struct DepthFields {
    int64_t event_ns = 0;
    int64_t first_id = 0;
    int64_t last_id = 0;
    std::span<const Level> bids;
    std::span<const Level> asks;
};

/// A depth event with its mark, as the book takes it.
struct DepthEvent {
    DepthFields depth;
    Mark mark;
};

/// A REST depth answer: bids from high to low, asks from low to high, as the exchange sends them.
struct Snapshot {
    int64_t last_id = 0;
    std::span<const Level> bids;
    std::span<const Level> asks;
};

}  // namespace of::binance
