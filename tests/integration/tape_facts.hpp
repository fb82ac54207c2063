// What one needs to know of a tape before it is played: how many frames it has, and how long it lasts.
#pragma once

#include <cstdint>
#include <string>

#include "shm/error.hpp"

namespace of::integration {

struct TapeFacts {
    uint64_t frames = 0;  ///< of the streams; answers of the REST interface are not played
    double seconds = 0;
};

/// Reads the whole file, gzipped or plain.
Expected<TapeFacts> read_tape_facts(const std::string& path);

}  // namespace of::integration
