// Frames of the exchange into values: one pass of simdjson On-Demand over the text, no copy but the levels,
// no allocation after construction.
//
// Fields may come in any order and unknown ones are skipped; unknown events are told as such and never fail.
// A frame is refused, with a reason for the log, when it is not JSON, lacks a field that its event has, or
// holds a number that does not fit int64 at 1e-8: nothing is rounded. Owned by the feed's thread.
#pragma once

#include <memory>
#include <tl/expected.hpp>

#include "workers/binance/frame.hpp"

namespace of::binance {

/// Bytes that must be readable behind a frame, and the longest frame that the line accepts (the longest seen
/// has 34,572).
inline constexpr size_t frame_padding = 64;
inline constexpr size_t frame_bytes_max = size_t{4} << 20;

enum class FrameKind : uint8_t { trade, agg_trade, best_quote, depth, server_shutdown, answer, error, unknown };

struct Frame {
    FrameKind kind = FrameKind::unknown;
    std::string_view symbol;  ///< upper case, as the payload has it; for market data
    std::string_view text;    ///< of an error: its message; of an unknown event: its name or stream
    TradeFields trade;
    QuoteFields quote;
    DepthFields depth;
};

class Decoder {
  public:
    Decoder();
    ~Decoder();
    /// `text` must have `frame_padding` readable bytes behind it. The frame, valid until the next call, or
    /// the reason of a refusal.
    tl::expected<const Frame*, std::string_view> decode(std::string_view text);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Milliseconds or microseconds since the epoch, as the exchange sends them, to ns.
int64_t exchange_ns(int64_t time);

}  // namespace of::binance
