// A ring in a file of its own, which a recording is played into: a segment like any other (shm/FORMAT.md), read with
// `ofctl --from DIR`. It is made anew by this process alone, its only writer, and never lies among the segments of an
// instance; whoever looks at it meanwhile sees whole messages only.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "supervisor/ofctl/recording.hpp"

namespace of::ofctl {

/// Of the ring's file: the most slots there can be (shm::slots_max), each twice as large as the largest in use.
inline constexpr uint64_t scratch_bytes_max = uint64_t{32} << 30;

/// Makes the folder (true), or takes an empty one. Refuses /dev/shm itself and a folder with anything in it.
Expected<bool> make_scratch_folder(const std::string& folder);
/// Takes out of it again what was made there of this recording.
void clear_scratch_folder(const std::string& folder, const RecordingReader& recording);
/// Writes a page of the recording as it was.
Expected<void> write_scratch_page(const std::string& folder, const SegmentImage& page);

class ScratchRing {
  public:
    /// An empty ring with the header and schema of the recorded one. A ring beyond the bound is `invalid`, one that the
    /// folder has no room for `no_space`.
    static Expected<ScratchRing> create(const std::string& folder, const SegmentImage& ring);
    ScratchRing(ScratchRing&& other) noexcept;
    ScratchRing(const ScratchRing&) = delete;
    ~ScratchRing();

    /// Positions only grow; those that are left out are not there for readers, and their slots hold a zero.
    void put(uint64_t position, std::span<const std::byte> message);

  private:
    ScratchRing(std::byte* memory, size_t bytes) : memory_(memory), bytes_(bytes) {}
    const shm::SegmentHeader& header() const { return *reinterpret_cast<const shm::SegmentHeader*>(memory_); }
    shm::RingLines& lines() const { return *reinterpret_cast<shm::RingLines*>(memory_ + shm::body_offset); }
    std::byte* slot_of(uint64_t position) const;
    void make_room_for(uint64_t position);
    std::byte* memory_;
    size_t bytes_;
    std::optional<uint64_t> next_;  ///< behind the last that was put
};

}  // namespace of::ofctl
