// The bytes every segment begins with, and the words of a ring. All little-endian, fixed offsets, no pointers.
//
//   0      SegmentHeader (1 KiB), written once by the creator, `state` last
//   1024   schema: the field table of the messages, as text, so that a tool of another version can decode them
//   8192   body: RingLines and slots of a ring, or the struct of a page
//
// Every word that is written after creation has 128 bytes to itself or shares them only with words of the same writer
// (adjacent-line prefetch pairs lines). Zero-filled memory is a valid empty ring. FORMAT.md is the map for readers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace of::shm {

inline constexpr size_t line_bytes = 128;
inline constexpr uint64_t segment_magic = 0x3130'4745'5346'464f;  // "OFFSEG01"
inline constexpr uint32_t layout_version = 3;
inline constexpr size_t header_bytes = 1024;
inline constexpr size_t body_offset = 8192;
inline constexpr size_t schema_bytes_max = body_offset - header_bytes;

/// Of the largest ring that can be configured. A header that claims more is damaged, or a trap for those who copy
/// slots.
inline constexpr uint64_t slots_max = uint64_t{1} << 26;
/// Slots that one batch may take; recovery wipes that far behind the last committed position.
inline constexpr uint64_t batch_slots_max = 2048;

enum class SegmentKind : uint32_t { broadcast = 1, queue = 2, page = 3 };
enum class SegmentState : uint32_t { init = 0, ready = 1 };

struct SegmentHeader {
    uint64_t magic;
    uint32_t version;  ///< layout_version
    SegmentKind kind;
    uint64_t layout_hash;  ///< of the body's layout and of the schema text
    uint64_t total_bytes;
    uint64_t slots;       ///< capacity, a power of two; 0 for pages
    uint32_t slot_bytes;  ///< 0 for pages
    uint32_t schema_bytes;
    uint64_t generation;  ///< random; positions of another generation mean nothing here
    int64_t created_ns;   ///< CLOCK_REALTIME
    uint64_t creator_pid;
    uint64_t creator_start;  ///< field 22 of /proc/pid/stat: tells a reused pid
    char boot_id[48];        ///< of the kernel that ran it
    char instance[64];
    char channel[64];
    uint64_t checksum;       ///< checksum_of(): nothing before it is ever changed
    char reserved[632];
    alignas(line_bytes) std::atomic<SegmentState> state;
};
static_assert(std::is_standard_layout_v<SegmentHeader> && sizeof(SegmentHeader) == header_bytes);
static_assert(offsetof(SegmentHeader, boot_id) == 80 && offsetof(SegmentHeader, channel) == 192 &&
              offsetof(SegmentHeader, checksum) == 256 && offsetof(SegmentHeader, state) == 896);

/// The mutable words of a ring, in front of its slots.
struct RingLines {
    // The writer's line.
    alignas(line_bytes)
        std::atomic<uint64_t> tail;    ///< hint: positions below it are committed; see ring_tail() of commit_word.hpp
    std::atomic<uint64_t> refused;     ///< messages that found the queue full
    std::atomic<uint64_t> wakes;       ///< doorbells rung for this ring
    std::atomic<uint64_t> recoveries;  ///< writers that attached to a ring in use
    std::atomic<uint64_t> writers;     ///< that have attached, the present one included
    // The reader's line (queues only; readers of broadcast rings keep their cursors in the control page).
    alignas(line_bytes) std::atomic<uint64_t> head;  ///< positions below it are handled
    alignas(line_bytes) char reserved[768];
};
static_assert(sizeof(RingLines) == 1024 && offsetof(RingLines, head) == 128);
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

/// A text field of a page, which may be damaged: it ends at the first zero or with the field.
template <size_t n>
std::string_view text_of(const char (&field)[n]) {
    return {field, strnlen(field, n)};
}

/// FNV-1a, for layout hashes.
constexpr uint64_t fnv1a(std::string_view text, uint64_t hash = 0xcbf2'9ce4'8422'2325) {
    for (const char c : text) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 0x0000'0100'0000'01b3;
    }
    return hash;
}

/// FNV-1a of all that stands before `checksum`.
inline uint64_t checksum_of(const SegmentHeader& header) {
    return fnv1a({reinterpret_cast<const char*>(&header), offsetof(SegmentHeader, checksum)});
}

}  // namespace of::shm
