// A segment file with the records of a ring that mattered at a death: the same header and schema, a thousand slots
// instead of half a million. Whatever reads segments reads it (`ofctl --from DIR shm tail`). Reads a living ring
// without taking part; what is overwritten meanwhile is left out.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "shm/segment.hpp"

namespace of::autopsy {

inline constexpr uint64_t records_kept = 1024;

struct CutAt {
    int64_t until_ns = 0;                  ///< nothing that was published later: it is the successor's
    int64_t since_ns = 0;                  ///< the dead incarnation began; only counted
    std::optional<uint64_t> read_to = {};  ///< where its reader died: half of them before it, half behind
};

struct RingCut {
    std::vector<std::byte> file;
    uint64_t begin = 0;  ///< positions
    uint64_t end = 0;
    uint64_t of_incarnation = 0;  ///< of these, published since `since_ns`
};
RingCut cut_ring(const shm::Segment& ring, const CutAt& at);

}  // namespace of::autopsy
