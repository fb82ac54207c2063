// A ring in a file of its own, which a recording is played into: a segment like any other (shm/FORMAT.md), read with
// `ofctl --from DIR`. Positions are those of the recording; `shm verify` misses the ones that are not in it. It is made
// anew by this process alone, its only writer, and never lies among the segments of an instance; whoever looks at it
// meanwhile sees whole messages only.
#pragma once

#include <span>
#include <string>

#include "supervisor/ofctl/recording.hpp"

namespace of::ofctl {

/// Makes the folder, or takes an empty one. Refuses /dev/shm itself and a folder with anything in it.
Expected<void> make_scratch_folder(const std::string& folder);
/// Writes a page of the recording as it was.
Expected<void> write_scratch_page(const std::string& folder, const SegmentImage& page);

class ScratchRing {
  public:
    /// An empty ring with the header and schema of the recorded one.
    static Expected<ScratchRing> create(const std::string& folder, const SegmentImage& ring);
    ScratchRing(ScratchRing&& other) noexcept;
    ScratchRing(const ScratchRing&) = delete;
    ~ScratchRing();

    /// Positions only grow; those that are left out are not there for readers.
    void put(uint64_t position, std::span<const std::byte> message);

  private:
    ScratchRing(std::byte* memory, size_t bytes) : memory_(memory), bytes_(bytes) {}
    const shm::SegmentHeader& header() const { return *reinterpret_cast<const shm::SegmentHeader*>(memory_); }
    shm::RingLines& lines() const { return *reinterpret_cast<shm::RingLines*>(memory_ + shm::body_offset); }
    std::byte* memory_;
    size_t bytes_;
    bool empty_ = true;
};

}  // namespace of::ofctl
