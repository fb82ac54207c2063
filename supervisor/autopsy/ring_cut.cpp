#include "supervisor/autopsy/ring_cut.hpp"

#include <algorithm>
#include <cstring>

#include "proto/message.hpp"
#include "shm/commit_word.hpp"

namespace of::autopsy {
namespace {

uint64_t word_of(const shm::Segment& ring, uint64_t position) {
    return ring.header().kind == shm::SegmentKind::queue ? shm::queued_word(position) : shm::committed_word(position);
}

const std::byte* slot_of(const shm::Segment& ring, uint64_t position) {
    return ring.slots() + (position & (ring.header().slots - 1)) * ring.header().slot_bytes;
}

/// When the message at a position was published; 0 when it is not, or no longer, there.
int64_t published_ns(const shm::Segment& ring, uint64_t position) {
    const auto* slot = slot_of(ring, position);
    const auto& word = *reinterpret_cast<const std::atomic<uint64_t>*>(slot);
    Header header;
    if (word.load(std::memory_order_acquire) != word_of(ring, position)) return 0;
    std::memcpy(static_cast<void*>(&header), slot + sizeof(uint64_t), sizeof header);
    return static_cast<int64_t>(header.publish_ns);
}

/// Copies a slot whole or not at all.
bool copy_slot(const shm::Segment& ring, uint64_t position, std::byte* to) {
    const auto* slot = slot_of(ring, position);
    const auto& word = *reinterpret_cast<const std::atomic<uint64_t>*>(slot);
    const auto expected = word_of(ring, position);
    if (word.load(std::memory_order_acquire) != expected) return false;
    std::memcpy(to, slot, ring.header().slot_bytes);
    std::atomic_thread_fence(std::memory_order_acquire);  // the second load comes after the copy
    if (word.load(std::memory_order_relaxed) == expected) return true;
    std::memset(to, 0, ring.header().slot_bytes);
    return false;
}

/// Behind the last message that was published in time.
uint64_t end_of_cut(const shm::Segment& ring, const CutAt& at) {
    const auto tail = shm::ring_tail(ring);
    const auto oldest = tail - std::min(tail, ring.header().slots);
    auto end = tail;
    while (end > oldest && published_ns(ring, end - 1) > at.until_ns) --end;
    if (at.read_to) end = std::clamp(*at.read_to + records_kept / 2, oldest, end);
    return end;
}

}  // namespace

RingCut cut_ring(const shm::Segment& ring, const CutAt& at) {
    const auto& header = ring.header();
    const auto slots = std::min(header.slots, records_kept);
    RingCut cut;
    cut.end = end_of_cut(ring, at);
    cut.begin = cut.end - std::min(cut.end, slots);
    cut.file.resize(shm::body_offset + sizeof(shm::RingLines) + slots * header.slot_bytes);
    std::memcpy(cut.file.data(), &header, shm::header_bytes);
    std::memcpy(cut.file.data() + shm::header_bytes, ring.schema().data(), ring.schema().size());
    auto& own = *reinterpret_cast<shm::SegmentHeader*>(cut.file.data());
    own.slots = slots;
    own.total_bytes = cut.file.size();
    auto& lines = *reinterpret_cast<shm::RingLines*>(cut.file.data() + shm::body_offset);
    std::memcpy(static_cast<void*>(&lines), &ring.lines(), sizeof lines);
    lines.tail.store(cut.end, std::memory_order_relaxed);
    // A queue's reader has gone on meanwhile, and has nothing to read before the first that is left.
    const auto head = lines.head.load(std::memory_order_relaxed);
    if (header.kind == shm::SegmentKind::queue)
        lines.head.store(std::clamp(head, cut.begin, cut.end), std::memory_order_relaxed);
    auto* to = cut.file.data() + shm::body_offset + sizeof lines;
    for (auto position = cut.begin; position < cut.end; ++position) {
        if (!copy_slot(ring, position, to + (position & (slots - 1)) * header.slot_bytes)) continue;
        if (published_ns(ring, position) >= at.since_ns) ++cut.of_incarnation;
    }
    return cut;
}

}  // namespace of::autopsy
