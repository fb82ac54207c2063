// Help for tests of the feed: a frame with the padding that the decoder needs, and events made by hand.
#pragma once

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "workers/binance/decoder.hpp"

namespace of::test {

/// `text` with the room behind it that the line gives to each frame.
inline std::string padded(std::string_view text) {
    std::string copy;
    copy.reserve(text.size() + binance::frame_padding);
    copy += text;
    return copy;
}

/// The folder of recorded market data; "" where there is none.
inline std::string recorded_data() {
    const char* folder = std::getenv("OF_TEST_DATA");
    return folder == nullptr ? "" : folder;
}

/// A depth event that owns its levels.
struct MadeEvent {
    int64_t first_id;
    int64_t last_id;
    std::vector<Level> bids;
    std::vector<Level> asks;

    binance::DepthEvent event() const { return {{1, first_id, last_id, bids, asks}, {}}; }
};

}  // namespace of::test
