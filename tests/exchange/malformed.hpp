// Frames that no decoder should accept, one kind after the other, sent in addition to the genuine ones. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "tests/exchange/frame.hpp"

namespace of::exchange {

/// The `number`-th malformed frame for a stream; `like` is a genuine frame of it. Not counted as sent.
FramePtr make_malformed(StreamId stream, std::string_view name, std::string_view like, uint64_t number);

}  // namespace of::exchange
