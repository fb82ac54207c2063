#include "supervisor/unread.hpp"

namespace of::supervisor {

shm::Cursor* cursor_on(shm::ProcessSlot& reader, const std::string& channel, uint64_t generation) {
    for (auto& cursor : reader.cursors) {
        if (shm::text_of(cursor.channel) == channel && cursor.generation.load(std::memory_order_relaxed) == generation)
            return &cursor;
    }
    return nullptr;
}

std::optional<uint64_t> unread(const Channel& channel, const HeldSegment& ring, shm::ProcessSlot& reader) {
    const auto ends = ring.ends();
    if (!ends) return std::nullopt;
    auto position = ends->head;
    if (channel.wire->transport == Transport::broadcast) {
        const auto* cursor = cursor_on(reader, channel.name(), ring.generation());
        if (cursor == nullptr) return ends->tail == 0 ? std::optional<uint64_t>(0) : std::nullopt;
        position = cursor->position.load(std::memory_order_relaxed);
    }
    return ends->tail > position ? ends->tail - position : 0;
}

}  // namespace of::supervisor
