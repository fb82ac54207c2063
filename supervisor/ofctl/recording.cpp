#include "supervisor/ofctl/recording.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "supervisor/ofctl/attach.hpp"

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

Error file_error(const std::string& path, int number) {
    const auto kind = number == ENOENT                       ? ErrorKind::missing
                      : number == EACCES || number == EPERM  ? ErrorKind::denied
                      : number == ENOSPC || number == EDQUOT ? ErrorKind::no_space
                                                             : ErrorKind::failed;
    return {kind, fmt::format("{}: {}", path, std::strerror(number))};
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

bool is_ring(const shm::SegmentHeader& header) {
    const bool known = header.kind == shm::SegmentKind::broadcast || header.kind == shm::SegmentKind::queue;
    const bool slots = header.slots != 0 && header.slots <= shm::slots_max && (header.slots & (header.slots - 1)) == 0;
    const bool fits = header.slot_bytes >= 64 && header.slot_bytes % 64 == 0 && header.slot_bytes <= 4096;
    return known && slots && fits &&
           header.total_bytes == shm::body_offset + sizeof(shm::RingLines) + header.slots * header.slot_bytes;
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
      bytes_(other.bytes_) {}

RecordingWriter::~RecordingWriter() {
    if (file_ >= 0) close(file_);
}

void RecordingWriter::append(const void* from, size_t size) {
    const auto* bytes = static_cast<const std::byte*>(from);
    gathered_.insert(gathered_.end(), bytes, bytes + size);
    bytes_ += size;
}

Expected<void> RecordingWriter::add(ChunkKind kind, std::span<const std::byte> content, uint64_t position) {
    Chunk chunk{kind, static_cast<uint32_t>(content.size()), position, 0};
    chunk.checksum = checksum_of(chunk, content);
    append(&chunk, sizeof chunk);
    append(content.data(), content.size());
    return gathered_.size() < gathered_bytes_max ? Expected<void>() : flush();
}

Expected<void> RecordingWriter::flush() {
    for (size_t at = 0; at < gathered_.size();) {
        const auto written = write(file_, gathered_.data() + at, gathered_.size() - at);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return tl::make_unexpected(file_error(path_, errno));
        at += static_cast<size_t>(written);
    }
    gathered_.clear();
    return {};
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
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);  // a pipe would be waited for
    if (descriptor < 0) return tl::make_unexpected(file_error(path, errno));
    File file(fdopen(descriptor, "rb"), std::fclose);
    if (!file) return tl::make_unexpected(file_error(path, errno));
    struct stat status{};
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
        return fail(ErrorKind::invalid, fmt::format("{} is no file", path));
    RecordingReader reader(std::move(file), path);
    if (auto head = reader.read_head(); !head) return tl::make_unexpected(head.error());
    if (auto ring = reader.read_ring(); !ring) return tl::make_unexpected(ring.error());
    return reader;
}

Expected<void> RecordingReader::read_head() {
    RecordingHead head{};
    if (std::fread(&head, sizeof head, 1, file_.get()) != 1 || head.magic != recording_magic)
        return damaged("this is no recording of ofctl shm record");
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
        if (chunk.kind == ChunkKind::ring && (content.size() != shm::body_offset || !is_ring(image.header())))
            return damaged("what stands before this describes an impossible ring");
        if (chunk.kind == ChunkKind::page && pages_.size() == pages_max)
            return damaged("there are more pages before this than an instance has");
        if (chunk.kind == ChunkKind::page) {
            pages_.push_back(std::move(image));
            continue;
        }
        ring_.emplace(std::move(image));
        return {};
    }
}

/// What a short read means: an error, or that there is nothing more.
Expected<std::optional<RecordingReader::Piece>> RecordingReader::end_of_file() const {
    if (std::ferror(file_.get()) != 0) return tl::make_unexpected(file_error(path_, errno));
    return std::nullopt;
}

/// The next chunk whose checksum is right; nothing where the file ends, or was cut off within one.
Expected<std::optional<RecordingReader::Piece>> RecordingReader::read_piece() {
    Piece piece{};
    if (std::fread(&piece.chunk, sizeof piece.chunk, 1, file_.get()) != 1) return end_of_file();
    if (piece.chunk.bytes > chunk_bytes_max) return damaged("a chunk claims to be larger than one can be");
    piece.content.resize(piece.chunk.bytes);
    if (std::fread(piece.content.data(), 1, piece.content.size(), file_.get()) != piece.content.size())
        return end_of_file();
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
    if (chunk.kind == ChunkKind::message && content.size() == message_bytes())
        return Message{chunk.position, std::move(content)};
    if (chunk.kind != ChunkKind::end || content.size() != sizeof(RecordingEnd))
        return damaged("a message or the end is to stand before this");
    std::memcpy(&end_.emplace(), content.data(), sizeof(RecordingEnd));
    return std::nullopt;
}

}  // namespace of::ofctl
