// What the URL of a stream connection asks for: /stream?streams=a/b&timeUnit=MICROSECOND, /ws/a/b, /ws. Pure.
#pragma once

#include <string_view>

#include "tests/exchange/error.hpp"
#include "tests/exchange/stream_requests.hpp"

namespace of::exchange {

struct StreamTarget {
    Subscriptions subscriptions;
    bool in_micros = false;
};

/// The error is one sentence: no such path, a bad name, too many streams, a bad time unit, or microseconds of
/// a tape.
Result<StreamTarget> parse_stream_target(std::string_view target, bool market_has_micros);

}  // namespace of::exchange
