#include "shm/segment.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>

#include "shm/random.hpp"

namespace of::shm {
namespace bip = boost::interprocess;
namespace {

constexpr const char* shm_folder = "/dev/shm/";

std::string reason(int error) { return std::strerror(error); }

template <size_t n>
void copy_text(char (&to)[n], std::string_view text) {
    std::memcpy(to, text.data(), std::min(text.size(), n - 1));
}

int64_t realtime_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

/// Of the kernel that runs us; read once, as is process_start() of ourselves: a supervisor makes forty segments.
const std::string& boot_id() {
    static std::string id;
    if (id.empty()) {
        std::ifstream file("/proc/sys/kernel/random/boot_id");
        std::getline(file, id);
    }
    return id;
}

uint64_t own_start() {
    static uint64_t pid = 0, start = 0;
    if (pid != static_cast<uint64_t>(getpid())) {
        pid = static_cast<uint64_t>(getpid());
        start = process_start(pid);
    }
    return start;
}

std::unique_ptr<SegmentHeader> header_of(const SegmentSpec& spec) {
    auto header = std::make_unique<SegmentHeader>();
    header->magic = segment_magic;
    header->version = layout_version;
    header->kind = spec.kind;
    header->layout_hash = spec.layout_hash();
    header->total_bytes = spec.total_bytes();
    header->slots = spec.slots;
    header->slot_bytes = spec.slot_bytes;
    header->schema_bytes = static_cast<uint32_t>(spec.schema.size());
    header->generation = random_word() | 1;  // never 0
    header->created_ns = realtime_ns();
    header->creator_pid = static_cast<uint64_t>(getpid());
    header->creator_start = own_start();
    copy_text(header->boot_id, boot_id());
    copy_text(header->instance, spec.instance);
    copy_text(header->channel, spec.channel);
    header->checksum = checksum_of(*header);
    return header;
}

/// 0, or the number of the error.
int write_at(int descriptor, const void* bytes, size_t size, size_t offset) {
    for (size_t done = 0; done < size;) {
        const auto written =
            pwrite(descriptor, static_cast<const char*>(bytes) + done, size - done, static_cast<off_t>(offset + done));
        if (written == 0) return EIO;
        if (written < 0 && errno != EINTR) return errno;
        if (written > 0) done += static_cast<size_t>(written);
    }
    return 0;
}

/// Reserves all of it and writes its header, `ready` last: whoever sees that (acquire in verify) sees all the rest.
int fill(int descriptor, const SegmentSpec& spec, SegmentHeader& header) {
    int error = posix_fallocate(descriptor, 0, static_cast<off_t>(spec.total_bytes()));
    if (error == 0) error = write_at(descriptor, &header, header_bytes, 0);
    if (error == 0) error = write_at(descriptor, spec.schema.data(), spec.schema.size(), header_bytes);
    header.state.store(SegmentState::ready, std::memory_order_relaxed);
    if (error == 0) error = write_at(descriptor, &header.state, sizeof header.state, offsetof(SegmentHeader, state));
    return error;
}

/// Everything that a segment says of itself must agree with its size; nothing behind it is touched before.
Expected<void> verify_self(const SegmentHeader& header, uint64_t file_bytes, const std::string& name) {
    if (file_bytes < body_offset)
        return fail(ErrorKind::corrupt, fmt::format("segment {} has only {} bytes", name, file_bytes));
    if (header.magic != segment_magic)
        return fail(ErrorKind::corrupt,
                    fmt::format("{} is not a segment of this system (magic {:#x})", name, header.magic));
    if (header.state.load(std::memory_order_acquire) != SegmentState::ready)
        return fail(ErrorKind::corrupt, fmt::format("segment {} was never finished by its creator", name));
    if (header.version != layout_version)
        return fail(ErrorKind::mismatch, fmt::format("segment {} has layout version {}, this program knows {}", name,
                                                     header.version, layout_version));
    if (header.total_bytes != file_bytes)
        return fail(ErrorKind::corrupt,
                    fmt::format("segment {} has {} bytes but claims {}", name, file_bytes, header.total_bytes));
    if (header.schema_bytes > schema_bytes_max)
        return fail(ErrorKind::corrupt,
                    fmt::format("segment {} claims a schema of {} bytes", name, header.schema_bytes));
    if (header.kind == SegmentKind::page) return {};
    if (!describes_ring(header))
        return fail(ErrorKind::corrupt,
                    fmt::format("segment {} describes an impossible ring: {} slots of {} bytes in {} bytes", name,
                                header.slots, header.slot_bytes, file_bytes));
    return {};
}

Expected<void> verify_file(int descriptor, const std::string& name, uint64_t& bytes) {
    struct stat status{};
    if (fstat(descriptor, &status) != 0)
        return fail(ErrorKind::failed, fmt::format("segment {}: {}", name, reason(errno)));
    bytes = static_cast<uint64_t>(status.st_size);
    if (status.st_uid != geteuid())
        return fail(ErrorKind::denied,
                    fmt::format("segment {} belongs to uid {}, not to uid {}", name, status.st_uid, geteuid()));
    if ((status.st_mode & 0777) != 0600)
        return fail(ErrorKind::denied,
                    fmt::format("segment {} has mode {:04o}, expected 0600", name, status.st_mode & 0777));
    if (bytes < body_offset) return fail(ErrorKind::corrupt, fmt::format("segment {} has only {} bytes", name, bytes));
    return {};
}

tl::unexpected<Error> open_failure(const std::string& name, const bip::interprocess_exception& error) {
    if (error.get_error_code() == bip::not_found_error)
        return fail(ErrorKind::missing, fmt::format("there is no segment {}", name));
    if (error.get_error_code() == bip::security_error)
        return fail(ErrorKind::denied, fmt::format("segment {} may not be opened by this user", name));
    return fail(ErrorKind::failed, fmt::format("segment {}: {}", name, error.what()));
}

/// The line of /proc/<pid>/stat; empty when there is no such process, or none that /proc shows us.
std::string stat_of(uint64_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string line;
    std::getline(file, line);
    return line;
}

/// Its field 22; 0 of a zombie.
uint64_t start_in(const std::string& stat) {
    const auto close = stat.rfind(')');  // the command name may hold spaces and brackets
    if (close == std::string::npos || close + 2 >= stat.size() || stat[close + 2] == 'Z') return 0;
    size_t at = close + 2;
    for (int field = 3; field < 22; ++field) {
        at = stat.find(' ', at);
        if (at == std::string::npos) return 0;
        ++at;
    }
    return std::strtoull(stat.c_str() + at, nullptr, 10);
}

}  // namespace

bool describes_ring(const SegmentHeader& header) {
    const bool known = header.kind == SegmentKind::broadcast || header.kind == SegmentKind::queue;
    const bool power_of_two =
        header.slots != 0 && header.slots <= slots_max && (header.slots & (header.slots - 1)) == 0;
    const bool slot_fits = header.slot_bytes >= 64 && header.slot_bytes % 64 == 0 && header.slot_bytes <= 4096;
    return known && power_of_two && slot_fits &&
           header.total_bytes == body_offset + sizeof(RingLines) + header.slots * header.slot_bytes;
}

uint64_t SegmentSpec::total_bytes() const {
    if (kind == SegmentKind::page) return body_offset + page_bytes;
    return body_offset + sizeof(RingLines) + slots * slot_bytes;
}

uint64_t SegmentSpec::layout_hash() const { return fnv1a(schema, fnv1a(layout)); }

Expected<std::unique_ptr<const SegmentHeader>> Segment::make(const SegmentSpec& spec) {
    const auto name = spec.name();
    if (spec.schema.size() > schema_bytes_max)
        return fail(ErrorKind::invalid, fmt::format("the schema of {} is too long", name));
    try {
        auto header = header_of(spec);
        const bip::shared_memory_object object(bip::create_only, name.c_str(), bip::read_write, bip::permissions(0600));
        const int error = fill(object.get_mapping_handle().handle, spec, *header);
        if (error == 0) return header;
        bip::shared_memory_object::remove(name.c_str());
        return fail(
            ErrorKind::no_space,
            fmt::format(
                "shared memory for {} ({:.1f} MiB) is not to be had: {}; see df /dev/shm, or make [rings] smaller",
                name, static_cast<double>(spec.total_bytes()) / 1048576.0, reason(error)));
    } catch (const bip::interprocess_exception& error) {
        if (error.get_error_code() == bip::already_exists_error)
            return fail(ErrorKind::busy, fmt::format("segment {} exists already", name));
        return open_failure(name, error);
    }
}

Expected<Segment> Segment::create(const SegmentSpec& spec) {
    return make(spec).and_then([&](const auto&) {
        auto segment = open(spec, Access::read_write);
        if (!segment) remove_segment(spec.name());
        return segment;
    });
}

Expected<Segment> Segment::open(const SegmentSpec& spec, Access access) {
    const auto name = spec.name();
    try {
        const auto mode = access == Access::read_only ? bip::read_only : bip::read_write;
        bip::shared_memory_object object(bip::open_only, name.c_str(), mode);
        uint64_t bytes = 0;
        if (auto file = verify_file(object.get_mapping_handle().handle, name, bytes); !file)
            return tl::make_unexpected(file.error());
        Segment segment(bip::mapped_region(object, mode, 0, bytes, nullptr, MAP_SHARED));
        if (auto self = verify_self(segment.header(), bytes, name); !self) return tl::make_unexpected(self.error());
        const auto& header = segment.header();
        if (header.layout_hash != spec.layout_hash())
            return fail(
                ErrorKind::mismatch,
                fmt::format("segment {} has layout {:016x}, this program expects {:016x}: it was made by another build",
                            name, header.layout_hash, spec.layout_hash()));
        if (header.kind != spec.kind || header.slot_bytes != spec.slot_bytes ||
            (spec.slots != 0 && header.slots != spec.slots) ||
            (spec.kind == SegmentKind::page && header.total_bytes != spec.total_bytes()))
            return fail(ErrorKind::mismatch, fmt::format("segment {} holds {} slots of {} bytes ({} in all), the "
                                                         "configuration asks for {} of {} ({} in all)",
                                                         name, header.slots, header.slot_bytes, header.total_bytes,
                                                         spec.slots, spec.slot_bytes, spec.total_bytes()));
        return segment;
    } catch (const bip::interprocess_exception& error) {
        return open_failure(name, error);
    }
}

Expected<Segment> Segment::inspect(const std::string& path) {
    struct stat kind{};
    // Before it is opened: opening a pipe waits for its writer.
    if (stat(path.c_str(), &kind) == 0 && !S_ISREG(kind.st_mode))
        return fail(ErrorKind::corrupt, fmt::format("{} is not a file: not a segment", path));
    try {
        const bip::file_mapping file(path.c_str(), bip::read_only);
        struct stat status{};
        if (fstat(file.get_mapping_handle().handle, &status) != 0)
            return fail(ErrorKind::failed, fmt::format("{}: {}", path, reason(errno)));
        const auto bytes = static_cast<uint64_t>(status.st_size);
        if (bytes < body_offset)
            return fail(ErrorKind::corrupt, fmt::format("{} has only {} bytes: not a segment", path, bytes));
        Segment segment(bip::mapped_region(file, bip::read_only, 0, bytes));
        if (auto self = verify_self(segment.header(), bytes, path); !self) return tl::make_unexpected(self.error());
        return segment;
    } catch (const bip::interprocess_exception& error) {
        return open_failure(path, error);
    }
}

std::string_view Segment::schema() const {
    return {static_cast<const char*>(region_.get_address()) + header_bytes, header().schema_bytes};
}

std::span<std::byte> Segment::body() const {
    return {static_cast<std::byte*>(region_.get_address()) + body_offset, region_.get_size() - body_offset};
}

bool Segment::lock() const { return mlock(region_.get_address(), region_.get_size()) == 0; }

bool creator_lives(const SegmentHeader& header) {
    const auto now = boot_id();
    // Who may not see /proc/sys (ProcSubset=pid) does not know: then it is this boot.
    const bool this_boot = now.empty() || header.boot_id[0] == '\0' || now == header.boot_id;
    return this_boot && process_lives(header.creator_pid, header.creator_start);
}

std::vector<std::string> list_segments(std::string_view instance) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(shm_folder, error)) {
        const auto name = entry.path().filename().string();
        const bool ours =
            instance.empty() ? name.find('.') != std::string::npos : name.starts_with(std::string(instance) + ".");
        if (ours) names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
}

bool remove_segment(const std::string& name) { return bip::shared_memory_object::remove(name.c_str()); }

uint64_t process_start(uint64_t pid) { return start_in(stat_of(pid)); }

bool process_lives(uint64_t pid, uint64_t start) {
    if (const auto stat = stat_of(pid); !stat.empty()) return start != 0 && start_in(stat) == start;
    if (pid == 0 || pid > std::numeric_limits<pid_t>::max()) return false;
    return kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM;
}

}  // namespace of::shm
