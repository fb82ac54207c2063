#include "supervisor/segment_guard.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "shm/commit_word.hpp"

namespace of::supervisor {
namespace {

constexpr mode_t own_mode = 0600;
constexpr mode_t mode_bits = 07777;

template <typename Word>
std::optional<Word> word_at(int descriptor, uint64_t offset) {
    Word word{};
    if (pread(descriptor, &word, sizeof word, static_cast<off_t>(offset)) != sizeof word) return {};
    return word;
}

bool same(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

std::string file_of(const std::string& name) { return "/dev/shm/" + name; }

uint64_t rest_of(const void* header) {
    constexpr auto begin = offsetof(shm::SegmentHeader, reserved);
    return shm::fnv1a({static_cast<const char*>(header) + begin, shm::header_bytes - begin});
}

}  // namespace

Expected<HeldSegment> HeldSegment::hold(const std::string& name, const shm::SegmentHeader& header) {
    HeldSegment held;
    held.name_ = name;
    held.descriptor_ = ::open(file_of(name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (held.descriptor_ < 0) return fail(ErrorKind::failed, fmt::format("segment {}: {}", name, std::strerror(errno)));
    std::memcpy(held.fields_.data(), &header, held.fields_.size());
    held.rest_ = rest_of(&header);
    return held;
}

HeldSegment& HeldSegment::operator=(HeldSegment&& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(descriptor_, other.descriptor_);
    std::swap(fields_, other.fields_);
    std::swap(rest_, other.rest_);
    std::swap(sound_, other.sound_);
    return *this;
}

HeldSegment::~HeldSegment() {
    if (descriptor_ >= 0) close(descriptor_);
}

std::optional<std::string> HeldSegment::damage() const {
    timespec now{};
    struct stat held{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (fstat(descriptor_, &held) != 0) return fmt::format("its file: {}", std::strerror(errno));
    if (!same(held.st_ctim, sound_)) {
        if (auto damage = file_damage(held)) return damage;
        // What happens in this tick of the clock still would not show in the time of change.
        if (!same(held.st_ctim, now)) sound_ = held.st_ctim;
    }
    return header_damage();
}

std::optional<std::string> HeldSegment::file_damage(const struct stat& held) const {
    struct stat named{};
    if (lstat(file_of(name_).c_str(), &named) != 0)
        return errno == ENOENT ? std::string("its name is gone from /dev/shm")
                               : fmt::format("its name cannot be looked at: {}", std::strerror(errno));
    if (named.st_ino != held.st_ino || named.st_dev != held.st_dev) return "another file has its name";
    if (static_cast<uint64_t>(held.st_size) != total_bytes())
        return fmt::format("its file has {} bytes instead of {}", held.st_size, total_bytes());
    if (held.st_uid != geteuid()) return fmt::format("it belongs to uid {} instead of {}", held.st_uid, geteuid());
    if ((held.st_mode & mode_bits & ~own_mode) != 0)
        return fmt::format("its mode was {:04o} instead of 0600: others may have written to it",
                           held.st_mode & mode_bits);
    return {};
}

/// Written once by the creator: each byte is as it was.
std::optional<std::string> HeldSegment::header_damage() const {
    std::array<std::byte, shm::header_bytes> now{};
    const auto bytes = pread(descriptor_, now.data(), now.size(), 0);
    if (bytes != static_cast<ssize_t>(now.size())) return "its header cannot be read";
    const auto [was, is] = std::ranges::mismatch(fields_, now);  // as far as the fields go
    if (was != fields_.end())
        return fmt::format("its header was changed: byte {} is {:#04x} instead of {:#04x}", was - fields_.begin(),
                           std::to_integer<unsigned>(*is), std::to_integer<unsigned>(*was));
    if (rest_of(now.data()) != rest_)
        return fmt::format("its header was changed, in the bytes from {} on", fields_.size());
    return {};
}

std::optional<uint32_t> HeldSegment::restore_mode() const {
    struct stat held{};
    if (fstat(descriptor_, &held) != 0 || same(held.st_ctim, sound_)) return {};
    const auto mode = held.st_mode & mode_bits;
    if (mode == own_mode || (mode & ~own_mode) != 0 || fchmod(descriptor_, own_mode) != 0) return {};
    return mode;
}

bool HeldSegment::committed(uint64_t position) const {
    const auto slot_bytes = field<uint32_t>(offsetof(shm::SegmentHeader, slot_bytes));
    const auto slot = shm::body_offset + sizeof(shm::RingLines) + position % slots() * slot_bytes;
    const bool queue = kind() == shm::SegmentKind::queue;
    return word_at<uint64_t>(descriptor_, slot) == (queue ? shm::queued_word(position) : shm::committed_word(position));
}

/// As shm::ring_tail(), without a mapping.
std::optional<RingEnds> HeldSegment::ends() const {
    if (kind() == shm::SegmentKind::page) return {};
    const auto tail = word_at<uint64_t>(descriptor_, shm::body_offset + offsetof(shm::RingLines, tail));
    const auto head = word_at<uint64_t>(descriptor_, shm::body_offset + offsetof(shm::RingLines, head));
    if (!tail || !head) return {};
    const bool queue = kind() == shm::SegmentKind::queue;
    RingEnds ends{.tail = queue ? std::max(*tail, *head) : *tail, .head = *head};
    for (const auto last = ends.tail + slots(); ends.tail != last && committed(ends.tail);) ++ends.tail;
    return ends;
}

}  // namespace of::supervisor
