// A file of a ring's messages as they came: what `ofctl shm record` writes and `shm replay` reads. RECORDING.md is the
// map of its bytes.
//
// A head, and chunks one behind another, each with its checksum: the pages that name what is in the messages, the
// ring's own header and schema, the messages with their positions, an end. A recorder that was killed leaves a file
// without an end, of which every whole chunk can be read. Positions that jump are messages that were missed.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shm/segment.hpp"

namespace of::ofctl {

inline constexpr uint64_t recording_magic = 0x3130'4345'5246'464f;  // "OFFREC01"
inline constexpr uint32_t recording_version = 1;
/// Of a chunk's content; more is damage, or a trap for those who read it.
inline constexpr uint32_t chunk_bytes_max = 16 << 20;
/// Of the content of all its pages.
inline constexpr uint64_t pages_bytes_max = 64 << 20;
/// Beyond this no commit word could hold it.
inline constexpr uint64_t position_max = uint64_t{1} << 62;

struct RecordingHead {
    uint64_t magic;
    uint32_t version;
    uint32_t bytes;      ///< of this head
    int64_t created_ns;  ///< CLOCK_REALTIME
    uint64_t checksum;   ///< of the bytes before it
};
static_assert(sizeof(RecordingHead) == 32 && offsetof(RecordingHead, checksum) == 24);

enum class ChunkKind : uint32_t {
    page = 1,     ///< a page segment, whole, as it was when the recording began
    ring = 2,     ///< the first 8 KiB of the ring's segment: header and schema
    message = 3,  ///< what lies behind a slot's commit word
    end = 4,
};
struct Chunk {
    ChunkKind kind;
    uint32_t bytes;     ///< of the content, which follows
    uint64_t position;  ///< of a message; else 0
    uint64_t checksum;  ///< of the fields before it, and then of the content
};
static_assert(sizeof(Chunk) == 24 && offsetof(Chunk, position) == 8 && offsetof(Chunk, checksum) == 16);

enum class EndedBy : uint32_t { count = 1, seconds, bytes, signal, ring_gone, ring_still };
std::string_view name_of(EndedBy why);

struct RecordingEnd {
    uint64_t messages;
    uint64_t lost;  ///< overwritten before they were read
    int64_t ended_ns;
    EndedBy why;
    uint32_t reserved;
};
static_assert(sizeof(RecordingEnd) == 32 && offsetof(RecordingEnd, why) == 24);

/// Writes a file that was not there before. Chunks go out with flush(), or when enough of them have gathered.
class RecordingWriter {
  public:
    static Expected<RecordingWriter> create(const std::string& path);
    RecordingWriter(RecordingWriter&& other) noexcept;
    RecordingWriter(const RecordingWriter&) = delete;
    ~RecordingWriter();

    /// `content` is read twice: it must be nobody else's to write. What a reader would refuse as too much is `invalid`.
    Expected<void> add(ChunkKind kind, std::span<const std::byte> content, uint64_t position = 0);
    Expected<void> flush();
    uint64_t bytes() const { return bytes_; }  ///< of the file, with what is yet to go out

  private:
    RecordingWriter(int file, std::string path) : file_(file), path_(std::move(path)) {}
    void append(const void* from, size_t size);
    int file_;
    std::string path_;
    std::vector<std::byte> gathered_;
    uint64_t bytes_ = 0;
    uint64_t pages_bytes_ = 0;
};

/// A segment's bytes, aligned as the structs in it ask.
class SegmentImage {
  public:
    explicit SegmentImage(std::span<const std::byte> bytes);
    const shm::SegmentHeader& header() const { return *reinterpret_cast<const shm::SegmentHeader*>(lines_.get()); }
    std::span<const std::byte> bytes() const { return {reinterpret_cast<const std::byte*>(lines_.get()), size_}; }
    std::string_view schema() const;
    std::string channel() const { return std::string(shm::text_of(header().channel)); }
    /// The body, if it is this page of this build; nullptr if not.
    template <typename Page>
    const Page* page(std::string_view name) const {
        return is_page(name) ? reinterpret_cast<const Page*>(bytes().data() + shm::body_offset) : nullptr;
    }

  private:
    struct alignas(shm::line_bytes) Line {
        std::byte bytes[shm::line_bytes];
    };
    bool is_page(std::string_view name) const;
    std::unique_ptr<Line[]> lines_;
    size_t size_;
};

class RecordingReader {
  public:
    /// Reads up to the first message. What stands in the file is not believed: a name that leads elsewhere, a ring that
    /// cannot be, a checksum that is not right, or a position that does not go forward are `corrupt`. Only of a file:
    /// nothing is waited for.
    static Expected<RecordingReader> open(const std::string& path);

    const std::vector<SegmentImage>& pages() const { return pages_; }
    const SegmentImage& ring() const { return *ring_; }
    uint32_t message_bytes() const { return ring().header().slot_bytes - uint32_t{sizeof(uint64_t)}; }

    struct Message {
        uint64_t position;
        std::vector<std::byte> bytes;
    };
    /// The next message; nothing behind the last.
    Expected<std::optional<Message>> next();
    /// Behind the last message: how the recording ended; nothing when its recorder was killed.
    const std::optional<RecordingEnd>& end() const { return end_; }

  private:
    using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
    struct Piece {
        Chunk chunk;
        std::vector<std::byte> content;
    };
    RecordingReader(File file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
    Expected<bool> take(void* into, size_t size);
    Expected<void> read_head();
    Expected<void> read_ring();
    Expected<std::optional<Piece>> read_piece();
    tl::unexpected<Error> damaged(std::string_view what) const;

    File file_;
    std::string path_;
    uint64_t offset_ = 0;
    uint64_t pages_bytes_ = 0;
    uint64_t next_position_ = 0;  ///< the least that may come
    std::vector<SegmentImage> pages_;
    std::optional<SegmentImage> ring_;
    std::optional<RecordingEnd> end_;
};

}  // namespace of::ofctl
