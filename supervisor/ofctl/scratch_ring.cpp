#include "supervisor/ofctl/scratch_ring.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "shm/commit_word.hpp"
#include "supervisor/ofctl/file_output.hpp"

namespace of::ofctl {
namespace fs = std::filesystem;
namespace {

tl::unexpected<Error> scratch_error(const std::string& path, int number) {
    return tl::make_unexpected(file_error(path, number));
}

std::string path_in(const std::string& folder, const shm::SegmentHeader& header) {
    return fmt::format("{}/{}.{}", folder, shm::text_of(header.instance), shm::text_of(header.channel));
}

/// A descriptor that is closed at the end of the scope.
struct NewFile {
    explicit NewFile(const std::string& path)
        : descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {}
    NewFile(const NewFile&) = delete;
    ~NewFile() {
        if (descriptor >= 0) close(descriptor);
    }
    const int descriptor;
};

/// Asked before the blocks are: what the file claims is only its word.
Expected<void> demand_room(const std::string& folder, uint64_t bytes) {
    if (bytes > scratch_bytes_max)
        return fail(ErrorKind::invalid, fmt::format("the recorded ring claims {} bytes; one of at most {} is played",
                                                    bytes, scratch_bytes_max));
    struct statvfs space{};
    if (statvfs(folder.c_str(), &space) != 0) return scratch_error(folder, errno);
    const auto free = uint64_t{space.f_bavail} * space.f_frsize;
    if (space.f_blocks == 0 || bytes <= free) return {};  // without blocks: a file system that keeps no account
    return fail(ErrorKind::no_space, fmt::format("{} has {} bytes free, the ring needs {}", folder, free, bytes));
}

}  // namespace

Expected<bool> make_scratch_folder(const std::string& folder) {
    std::error_code error;
    if (mkdir(folder.c_str(), 0700) == 0) return true;
    if (errno != EEXIST) return scratch_error(folder, errno);
    const bool usable = fs::is_directory(folder, error) && fs::is_empty(folder, error);
    if (!usable || fs::equivalent(folder, "/dev/shm", error) || error)
        return fail(
            ErrorKind::invalid,
            fmt::format("{} is to be a new or an empty folder: a recording is never played into an instance", folder));
    return false;
}

void clear_scratch_folder(const std::string& folder, const RecordingReader& recording) {
    unlink(path_in(folder, recording.ring().header()).c_str());
    for (const auto& page : recording.pages()) unlink(path_in(folder, page.header()).c_str());
}

Expected<void> write_scratch_page(const std::string& folder, const SegmentImage& page) {
    const auto path = path_in(folder, page.header());
    const NewFile file(path);
    if (file.descriptor < 0) return scratch_error(path, errno);
    return write_whole(file.descriptor, path, page.bytes());
}

Expected<ScratchRing> ScratchRing::create(const std::string& folder, const SegmentImage& ring) {
    const auto path = path_in(folder, ring.header());
    const auto bytes = ring.header().total_bytes;
    if (auto room = demand_room(folder, bytes); !room) return tl::make_unexpected(room.error());
    const NewFile file(path);
    if (file.descriptor < 0) return scratch_error(path, errno);
    // Blocks reserved now: a full disk is an error here, not a SIGBUS later.
    if (const int error = posix_fallocate(file.descriptor, 0, static_cast<off_t>(bytes)); error != 0)
        return scratch_error(path, error);
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor, 0);
    if (memory == MAP_FAILED) return scratch_error(path, errno);
    std::memcpy(memory, ring.bytes().data(), ring.bytes().size());
    return ScratchRing(static_cast<std::byte*>(memory), bytes);
}

ScratchRing::ScratchRing(ScratchRing&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), bytes_(other.bytes_), next_(other.next_) {}

ScratchRing::~ScratchRing() {
    if (memory_ != nullptr) munmap(memory_, bytes_);
}

std::byte* ScratchRing::slot_of(uint64_t position) const {
    return memory_ + shm::body_offset + sizeof(shm::RingLines) +
           (position & (header().slots - 1)) * header().slot_bytes;
}

/// Slots of what was left out in the last lap hold nothing, and a queue's head is within a lap of its end.
void ScratchRing::make_room_for(uint64_t position) {
    const auto lap_begin = position < header().slots ? 0 : position - header().slots + 1;
    for (auto left_out = std::max(next_.value_or(position), lap_begin); left_out < position; ++left_out)
        reinterpret_cast<std::atomic<uint64_t>*>(slot_of(left_out))->store(0, std::memory_order_release);
    if (header().kind == shm::SegmentKind::queue)
        lines().head.store(next_ ? std::max(lines().head.load(std::memory_order_relaxed), lap_begin) : position,
                           std::memory_order_release);
    next_ = position + 1;
}

void ScratchRing::put(uint64_t position, std::span<const std::byte> message) {
    const bool queue = header().kind == shm::SegmentKind::queue;
    make_room_for(position);
    auto* slot = slot_of(position);
    auto& word = *reinterpret_cast<std::atomic<uint64_t>*>(slot);
    word.store(queue ? 0 : shm::writing_word(position), std::memory_order_relaxed);
    // Release fence: the mark is seen before any new byte. Pairs with the acquire fence in RingView::read.
    std::atomic_thread_fence(std::memory_order_release);
    for (size_t at = 0; at < message.size(); at += sizeof(uint64_t)) {
        uint64_t value = 0;
        std::memcpy(&value, message.data() + at, sizeof value);
        reinterpret_cast<std::atomic<uint64_t>*>(slot + sizeof(uint64_t) + at)->store(value, std::memory_order_relaxed);
    }
    // Release: pairs with the acquire loads in RingView::read and ring_tail.
    word.store(queue ? shm::queued_word(position) : shm::committed_word(position), std::memory_order_release);
    lines().tail.store(position + 1, std::memory_order_release);
}

}  // namespace of::ofctl
