#include "supervisor/ofctl/scratch_ring.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "shm/commit_word.hpp"

namespace of::ofctl {
namespace fs = std::filesystem;
namespace {

tl::unexpected<Error> scratch_error(const std::string& path, int number) {
    const auto kind = number == EACCES || number == EPERM ? ErrorKind::denied
                      : number == ENOSPC                  ? ErrorKind::no_space
                                                          : ErrorKind::failed;
    return fail(kind, fmt::format("{}: {}", path, std::strerror(number)));
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

}  // namespace

Expected<void> make_scratch_folder(const std::string& folder) {
    std::error_code error;
    if (mkdir(folder.c_str(), 0700) == 0) return {};
    if (errno != EEXIST) return scratch_error(folder, errno);
    if (fs::equivalent(folder, "/dev/shm", error) || !fs::is_empty(folder, error) || error)
        return fail(
            ErrorKind::invalid,
            fmt::format("{} is to be a new or an empty folder: a recording is never played into an instance", folder));
    return {};
}

Expected<void> write_scratch_page(const std::string& folder, const SegmentImage& page) {
    const auto path = path_in(folder, page.header());
    const NewFile file(path);
    if (file.descriptor < 0) return scratch_error(path, errno);
    const auto bytes = page.bytes();
    for (size_t at = 0; at < bytes.size();) {
        const auto written = write(file.descriptor, bytes.data() + at, bytes.size() - at);
        if (written <= 0) return scratch_error(path, errno);
        at += static_cast<size_t>(written);
    }
    return {};
}

Expected<ScratchRing> ScratchRing::create(const std::string& folder, const SegmentImage& ring) {
    const auto path = path_in(folder, ring.header());
    const NewFile file(path);
    if (file.descriptor < 0) return scratch_error(path, errno);
    const auto bytes = ring.header().total_bytes;
    std::error_code unknown;
    if (const auto room = fs::space(folder, unknown); !unknown && room.available < bytes) {
        unlink(path.c_str());
        return fail(ErrorKind::no_space,
                    fmt::format("{}: the ring has {} bytes, and there is room for {}", path, bytes, room.available));
    }
    // Blocks reserved now: a full disk is an error here, not a SIGBUS later.
    if (const int error = posix_fallocate(file.descriptor, 0, static_cast<off_t>(bytes)); error != 0)
        return scratch_error(path, error);
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor, 0);
    if (memory == MAP_FAILED) return scratch_error(path, errno);
    std::memcpy(memory, ring.bytes().data(), ring.bytes().size());
    return ScratchRing(static_cast<std::byte*>(memory), bytes);
}

ScratchRing::ScratchRing(ScratchRing&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), bytes_(other.bytes_), empty_(other.empty_) {}

ScratchRing::~ScratchRing() {
    if (memory_ != nullptr) munmap(memory_, bytes_);
}

void ScratchRing::put(uint64_t position, std::span<const std::byte> message) {
    const bool queue = header().kind == shm::SegmentKind::queue;
    auto* slot =
        memory_ + shm::body_offset + sizeof(shm::RingLines) + (position & (header().slots - 1)) * header().slot_bytes;
    auto& word = *reinterpret_cast<std::atomic<uint64_t>*>(slot);
    if (std::exchange(empty_, false)) lines().head.store(queue ? position : 0, std::memory_order_release);
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
