// The commit words of both kinds of ring, and where a ring ends.
//
// A slot's commit word says which position it holds and whether it is whole. RingLines::tail is a hint that the writer
// stores only each `tail_hint_every` messages: a store for each message, in line behind those to the slots, costs a
// third of the throughput. So whoever wants the very end walks on from the hint, over committed slots.
#pragma once

#include <algorithm>

#include "shm/segment.hpp"

namespace of::shm {

inline constexpr uint64_t tail_hint_every = 16;
/// In a smaller ring a batch (half of it) could overwrite the slot that the hint points to, and recovery would not find
/// the end.
inline constexpr uint64_t broadcast_slots_min = 2 * tail_hint_every;

/// Broadcast rings. A zeroed slot belongs to no position.
constexpr uint64_t committed_word(uint64_t position) { return (position + 1) << 1; }
constexpr uint64_t writing_word(uint64_t position) { return committed_word(position) | 1; }
/// Queues.
constexpr uint64_t queued_word(uint64_t position) { return position + 1; }

/// Counts one more writer. Whether a predecessor may have left a batch behind: the first one has none, and to look at
/// the slots of a ring that nobody has touched yet would fetch its pages one by one.
inline bool begin_writing(RingLines& lines) {
    const auto predecessors = lines.writers.load(std::memory_order_relaxed);
    const auto tail = lines.tail.load(std::memory_order_acquire);
    lines.writers.store(predecessors + 1, std::memory_order_relaxed);
    if (tail != 0)
        lines.recoveries.store(lines.recoveries.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return predecessors != 0 || tail != 0;
}

/// Whether the hint is due, behind a batch that began at `first` and ended before `tail`.
constexpr bool tail_hint_due(uint64_t first, uint64_t tail) {
    return first / tail_hint_every != tail / tail_hint_every;
}

/// The position behind the last committed message, or behind `from` when that is further. For readers and tools of any
/// ring, live or dead; goes at most once around.
inline uint64_t ring_tail(const Segment& segment, uint64_t from = 0) {
    const auto& header = segment.header();
    const auto& lines = segment.lines();
    const bool queue = header.kind == SegmentKind::queue;
    const auto known = queue ? lines.head.load(std::memory_order_acquire) : 0;
    auto tail = std::max({from, known, lines.tail.load(std::memory_order_acquire)});
    for (const auto end = tail + header.slots; tail != end; ++tail) {
        const auto* slot = segment.slots() + (tail & (header.slots - 1)) * header.slot_bytes;
        // Acquire: pairs with the release store of the commit word; what is before the returned position can be read.
        const auto word = reinterpret_cast<const std::atomic<uint64_t>*>(slot)->load(std::memory_order_acquire);
        if (word != (queue ? queued_word(tail) : committed_word(tail))) break;
    }
    return tail;
}

}  // namespace of::shm
