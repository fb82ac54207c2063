// What the segments of a running instance still are, looked at from outside: by their names and by descriptors that are
// held since they were made or taken over. Never through a mapping, so nothing that has happened to a segment can harm
// the one who looks.
//
// Owned by the Instance. A look costs a stat and a read of one KiB for each segment; more only when the file's time of
// change says that its name, size, owner or mode may be others.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "shm/segment.hpp"

namespace of::supervisor {

/// How far a ring was written and read, by the words in its file.
struct RingEnds {
    uint64_t tail = 0;
    uint64_t head = 0;  ///< of a queue
};

/// One segment as it was when it was verified.
class HeldSegment {
  public:
    /// `header` is what it has: it has been verified, or made, a moment ago.
    static Expected<HeldSegment> hold(const std::string& name, const shm::SegmentHeader& header);
    HeldSegment(HeldSegment&& other) noexcept { *this = std::move(other); }
    HeldSegment& operator=(HeldSegment&& other) noexcept;
    ~HeldSegment();

    /// What differs from what it was, as the end of a sentence that begins with its name; nothing if all is well.
    std::optional<std::string> damage() const;
    /// Its owner's rights were taken away and nobody else got any: nobody can have used that. Gives them back; the mode
    /// that it had, or nothing if it had its own.
    std::optional<uint32_t> restore_mode() const;
    /// Also of a segment that has lost its name. Nothing when its file ends before its words.
    std::optional<RingEnds> ends() const;

    const std::string& name() const { return name_; }
    uint64_t generation() const { return field<uint64_t>(offsetof(shm::SegmentHeader, generation)); }
    uint64_t total_bytes() const { return field<uint64_t>(offsetof(shm::SegmentHeader, total_bytes)); }

  private:
    HeldSegment() = default;
    template <typename Field>
    Field field(size_t offset) const {
        Field value{};
        std::memcpy(&value, fields_.data() + offset, sizeof value);
        return value;
    }
    uint64_t slots() const { return field<uint64_t>(offsetof(shm::SegmentHeader, slots)); }
    shm::SegmentKind kind() const { return field<shm::SegmentKind>(offsetof(shm::SegmentHeader, kind)); }
    std::optional<std::string> file_damage(const struct stat& held) const;
    std::optional<std::string> header_damage() const;
    bool committed(uint64_t position) const;

    std::string name_;
    int descriptor_ = -1;
    std::array<std::byte, offsetof(shm::SegmentHeader, reserved)> fields_{};  ///< of its header
    uint64_t rest_ = 0;         ///< a hash of what the header has behind them
    mutable timespec sound_{};  ///< time of change of a file that was found as it should be
};

}  // namespace of::supervisor
