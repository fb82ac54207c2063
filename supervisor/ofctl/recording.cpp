#include "supervisor/ofctl/recording.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "shm/verify.hpp"
#include "supervisor/ofctl/attach.hpp"
#include "supervisor/ofctl/file_output.hpp"

namespace of::ofctl {
namespace {

constexpr size_t gathered_bytes_max = 1 << 20;

std::string_view text_of_bytes(const void* from, size_t size) { return {static_cast<const char*>(from), size}; }

uint64_t checksum_of(const RecordingHead& head) {
    return shm::fnv1a(text_of_bytes(&head, offsetof(RecordingHead, checksum)));
}
uint64_t checksum_of(const Chunk& chunk, std::span<const std::byte> content) {
    const auto hash = shm::fnv1a(text_of_bytes(&chunk, offsetof(Chunk, checksum)));
    return shm::fnv1a(text_of_bytes(content.data(), content.size()), hash);
}

/// A name from a file becomes a part of a path.
bool is_plain_name(std::string_view name) {
    return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos;
}

bool is_segment(const SegmentImage& image, size_t bytes) {
    const auto& header = image.header();
    return header.magic == shm::segment_magic && header.version == shm::layout_version &&
           header.schema_bytes <= shm::schema_bytes_max && is_plain_name(shm::text_of(header.instance)) &&
           is_plain_name(shm::text_of(header.channel)) && (bytes == shm::body_offset || header.total_bytes == bytes);
}

}  // namespace

std::string_view name_of(EndedBy why) {
    constexpr std::array<std::string_view, 7> names{"unknown", "count",     "seconds",   "bytes",
                                                    "signal",  "ring gone", "ring still"};
    const auto index = static_cast<size_t>(why);
    return index < names.size() ? names[index] : names[0];
}

Expected<RecordingWriter> RecordingWriter::create(const std::string& path) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return tl::make_unexpected(file_error(path, errno));
    RecordingWriter writer(file, path);
    RecordingHead head{recording_magic, recording_version, sizeof(RecordingHead), wall_now(), 0};
    head.checksum = checksum_of(head);
    writer.append(&head, sizeof head);
    return writer;
}

RecordingWriter::RecordingWriter(RecordingWriter&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      path_(std::move(other.path_)),
      gathered_(std::move(other.gathered_)),
      bytes_(other.bytes_),
      pages_bytes_(other.pages_bytes_) {}

RecordingWriter::~RecordingWriter() {
    if (file_ >= 0) close(file_);
}

void RecordingWriter::append(const void* from, size_t size) {
    const auto* bytes = static_cast<const std::byte*>(from);
    gathered_.insert(gathered_.end(), bytes, bytes + size);
    bytes_ += size;
}

Expected<void> RecordingWriter::add(ChunkKind kind, std::span<const std::byte> content, uint64_t position) {
    if (kind == ChunkKind::page) pages_bytes_ += content.size();
    if (content.size() > chunk_bytes_max || pages_bytes_ > pages_bytes_max)
        return fail(ErrorKind::invalid,
                    fmt::format("{}: {} bytes are more than a recording can have in one piece, or {} in all its pages",
                                path_, content.size(), pages_bytes_));
    Chunk chunk{kind, static_cast<uint32_t>(content.size()), position, 0};
    chunk.checksum = checksum_of(chunk, content);
    append(&chunk, sizeof chunk);
    append(content.data(), content.size());
    return gathered_.size() < gathered_bytes_max ? Expected<void>() : flush();
}

Expected<void> RecordingWriter::flush() {
    auto written = write_whole(file_, path_, gathered_);
    gathered_.clear();
    return written;
}

SegmentImage::SegmentImage(std::span<const std::byte> bytes)
    : lines_(std::make_unique<Line[]>((bytes.size() + sizeof(Line) - 1) / sizeof(Line))), size_(bytes.size()) {
    std::memcpy(lines_.get(), bytes.data(), bytes.size());
}

std::string_view SegmentImage::schema() const {
    return text_of_bytes(bytes().data() + shm::header_bytes, header().schema_bytes);
}

bool SegmentImage::is_page(std::string_view name) const {
    const auto spec = shm::page_spec(name);
    return spec && header().kind == shm::SegmentKind::page && header().layout_hash == spec->layout_hash() &&
           size_ == spec->total_bytes();
}

tl::unexpected<Error> RecordingReader::damaged(std::string_view what) const {
    return fail(ErrorKind::corrupt, fmt::format("{}: at byte {}: {}", path_, offset_, what));
}

Expected<RecordingReader> RecordingReader::open(const std::string& path) {
    // Without waiting for the other end of a FIFO.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) return tl::make_unexpected(file_error(path, errno));
    File file(fdopen(descriptor, "rb"), std::fclose);
    if (struct stat about{}; fstat(descriptor, &about) != 0 || !S_ISREG(about.st_mode))
        return fail(ErrorKind::invalid, path + " is no file: a recording is read from one");
    RecordingReader reader(std::move(file), path);
    if (auto head = reader.read_head(); !head) return tl::make_unexpected(head.error());
    if (auto ring = reader.read_ring(); !ring) return tl::make_unexpected(ring.error());
    return reader;
}

/// False where the file ends before it.
Expected<bool> RecordingReader::take(void* into, size_t size) {
    if (std::fread(into, 1, size, file_.get()) == size) return true;
    if (std::ferror(file_.get()) != 0) return tl::make_unexpected(file_error(path_, errno));
    return false;
}

Expected<void> RecordingReader::read_head() {
    RecordingHead head{};
    const auto whole = take(&head, sizeof head);
    if (!whole) return tl::make_unexpected(whole.error());
    if (!*whole || head.magic != recording_magic) return damaged("this is no recording of ofctl shm record");
    if (head.version != recording_version)
        return fail(ErrorKind::mismatch, fmt::format("{} is a recording of version {}, this ofctl knows {}", path_,
                                                     head.version, recording_version));
    if (head.bytes != sizeof head || head.checksum != checksum_of(head)) return damaged("the checksum is not right");
    offset_ = sizeof head;
    return {};
}

/// The pages, and then the ring itself.
Expected<void> RecordingReader::read_ring() {
    for (;;) {
        auto piece = read_piece();
        if (!piece) return tl::make_unexpected(piece.error());
        if (!*piece) return damaged("the recording ends before its first message could come");
        const auto& [chunk, content] = **piece;
        if ((chunk.kind != ChunkKind::page && chunk.kind != ChunkKind::ring) || content.size() < shm::body_offset)
            return damaged("a page or a ring is to stand before this");
        SegmentImage image(content);
        if (!is_segment(image, content.size())) return damaged("what stands before this describes no segment");
        if (chunk.kind == ChunkKind::ring &&
            (content.size() != shm::body_offset || !shm::describes_ring(image.header())))
            return damaged("what stands before this describes an impossible ring");
        if (chunk.kind == ChunkKind::page) {
            pages_bytes_ += content.size();
            if (pages_bytes_ > pages_bytes_max) return damaged("there are more pages than an instance can have");
            pages_.push_back(std::move(image));
            continue;
        }
        ring_.emplace(std::move(image));
        return {};
    }
}

/// The next chunk whose checksum is right; nothing where the file ends, or was cut off within one.
Expected<std::optional<RecordingReader::Piece>> RecordingReader::read_piece() {
    Piece piece{};
    auto whole = take(&piece.chunk, sizeof piece.chunk);
    if (!whole) return tl::make_unexpected(whole.error());
    if (!*whole) return std::nullopt;
    if (piece.chunk.bytes > chunk_bytes_max) return damaged("a chunk claims to be larger than one can be");
    piece.content.resize(piece.chunk.bytes);
    whole = take(piece.content.data(), piece.content.size());
    if (!whole) return tl::make_unexpected(whole.error());
    if (!*whole) return std::nullopt;
    if (piece.chunk.checksum != checksum_of(piece.chunk, piece.content)) return damaged("the checksum is not right");
    offset_ += sizeof piece.chunk + piece.content.size();
    return piece;
}

Expected<std::optional<RecordingReader::Message>> RecordingReader::next() {
    if (end_) return std::nullopt;
    auto piece = read_piece();
    if (!piece) return tl::make_unexpected(piece.error());
    if (!*piece) return std::nullopt;
    auto& [chunk, content] = **piece;
    if (chunk.kind == ChunkKind::message && content.size() == message_bytes()) {
        if (chunk.position < next_position_ || chunk.position >= position_max)
            return damaged("the position of the message before this does not go forward");
        next_position_ = chunk.position + 1;
        return Message{chunk.position, std::move(content)};
    }
    if (chunk.kind != ChunkKind::end || content.size() != sizeof(RecordingEnd))
        return damaged("a message or the end is to stand before this");
    char more = 0;
    const auto goes_on = take(&more, 1);
    if (!goes_on) return tl::make_unexpected(goes_on.error());
    if (*goes_on) return damaged("the end stands before this, and the file goes on");
    std::memcpy(&end_.emplace(), content.data(), sizeof(RecordingEnd));
    return std::nullopt;
}

}  // namespace of::ofctl
