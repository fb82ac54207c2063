// What a reader has left in a ring, looked at from outside.
#pragma once

#include <optional>
#include <string>

#include "proto/topology.hpp"
#include "shm/control_page.hpp"
#include "supervisor/segment_guard.hpp"

namespace of::supervisor {

/// The cursor of a reader on a broadcast ring of this generation; nothing if it never came so far.
shm::Cursor* cursor_on(shm::ProcessSlot& reader, const std::string& channel, uint64_t generation);

/// Messages of `ring` that one of its readers has not read. Nothing where the ring cannot tell.
std::optional<uint64_t> unread(const Channel& channel, const HeldSegment& ring, shm::ProcessSlot& reader);

}  // namespace of::supervisor
