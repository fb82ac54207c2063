#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "shm/control_page.hpp"
#include "tests/unit/shm/support.hpp"

using namespace of;
using namespace of::shm;
using test::ring_spec;
using test::ScopedSegment;

namespace {

void overwrite(const std::string& path, size_t offset, const void* bytes, size_t size) {
    const int descriptor = open(path.c_str(), O_RDWR);
    REQUIRE(descriptor >= 0);
    REQUIRE(pwrite(descriptor, bytes, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size));
    close(descriptor);
}

}  // namespace

TEST_CASE("a segment says who made it, and opens for those who expect just that") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    const auto opened = segment.open(Access::read_only);
    REQUIRE(opened.header().slots == 64);
    REQUIRE(opened.header().creator_pid == static_cast<uint64_t>(getpid()));
    REQUIRE(creator_lives(opened.header()));
    REQUIRE(std::string(opened.header().channel) == "broadcast");
    struct stat status{};
    REQUIRE(stat(segment.path().c_str(), &status) == 0);
    REQUIRE((status.st_mode & 0777) == 0600);
}

TEST_CASE("what is made for others has the header that its maker is told, its schema, and zeros") {
    const auto spec = ring_spec(SegmentKind::queue, 64);
    const auto header = Segment::make(spec);
    REQUIRE(header);
    const auto opened = Segment::open(spec, Access::read_only);
    remove_segment(spec.name());
    REQUIRE(opened);
    REQUIRE(std::memcmp(header->get(), &opened->header(), header_bytes) == 0);
    REQUIRE(opened->schema() == spec.schema);
    REQUIRE(std::ranges::all_of(opened->body(), [](std::byte byte) { return byte == std::byte{}; }));
}

TEST_CASE("a creator lives under its number, with its start, in this boot") {
    const ScopedSegment segment(ring_spec(SegmentKind::queue, 64));
    const auto write = [&](size_t offset, auto value) { overwrite(segment.path(), offset, &value, sizeof value); };
    const auto lives = [&] {
        const auto found = Segment::inspect(segment.path());
        REQUIRE(found);
        return creator_lives(found->header());
    };
    SECTION("another boot") {
        write(offsetof(SegmentHeader, boot_id), '?');
        REQUIRE_FALSE(lives());
    }
    SECTION("a boot that was hidden from the creator") {
        write(offsetof(SegmentHeader, boot_id), '\0');
        REQUIRE(lives());
    }
    SECTION("a number that is another's now") {
        write(offsetof(SegmentHeader, creator_start), uint64_t{1});
        REQUIRE_FALSE(lives());
    }
    SECTION("a number that nobody can have") {
        write(offsetof(SegmentHeader, creator_pid), UINT64_MAX);
        REQUIRE_FALSE(lives());
    }
}

TEST_CASE("a process lives until it has ended, whether or not somebody has looked how") {
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) pause();
    }
    const auto pid = static_cast<uint64_t>(child);
    const auto start = process_start(pid);
    REQUIRE(start != 0);
    REQUIRE(process_lives(pid, start));
    kill(child, SIGKILL);
    siginfo_t end{};
    REQUIRE(waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | WNOWAIT) == 0);
    REQUIRE_FALSE(process_lives(pid, start));
    REQUIRE(waitpid(child, nullptr, 0) == child);
    REQUIRE_FALSE(process_lives(pid, start));
}

TEST_CASE("a name that exists is not made twice") {
    const ScopedSegment segment(ring_spec(SegmentKind::queue, 64));
    REQUIRE(Segment::create(segment.spec).error().kind == ErrorKind::busy);
}

TEST_CASE("a segment that differs is refused with what differs") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    SECTION("another layout") {
        auto other = segment.spec;
        other.schema = "message other 1 64\n";
        const auto opened = Segment::open(other, Access::read_only);
        REQUIRE(opened.error().kind == ErrorKind::mismatch);
        REQUIRE(opened.error().message.find("made by another build") != std::string::npos);
    }
    SECTION("another capacity") {
        auto other = segment.spec;
        other.slots = 128;
        const auto opened = Segment::open(other, Access::read_only);
        REQUIRE(opened.error().kind == ErrorKind::mismatch);
        REQUIRE(opened.error().message.find("64 slots of 128 bytes") != std::string::npos);
    }
    SECTION("no magic") {
        const uint64_t wrong = 42;
        overwrite(segment.path(), 0, &wrong, sizeof wrong);
        REQUIRE(Segment::open(segment.spec, Access::read_only).error().kind == ErrorKind::corrupt);
    }
    SECTION("another version") {
        const uint32_t version = layout_version + 1;
        overwrite(segment.path(), offsetof(SegmentHeader, version), &version, sizeof version);
        REQUIRE(Segment::open(segment.spec, Access::read_only).error().kind == ErrorKind::mismatch);
    }
    SECTION("never finished by its creator") {
        const uint32_t init = 0;
        overwrite(segment.path(), offsetof(SegmentHeader, state), &init, sizeof init);
        REQUIRE(Segment::open(segment.spec, Access::read_only).error().kind == ErrorKind::corrupt);
    }
    SECTION("cut short") {
        std::filesystem::resize_file(segment.path(), 8300);
        REQUIRE(Segment::open(segment.spec, Access::read_only).error().kind == ErrorKind::corrupt);
        std::filesystem::resize_file(segment.path(), 100);
        REQUIRE(Segment::open(segment.spec, Access::read_only).error().kind == ErrorKind::corrupt);
        REQUIRE(Segment::inspect(segment.path()).error().kind == ErrorKind::corrupt);
    }
    SECTION("readable by others") {
        REQUIRE(chmod(segment.path().c_str(), 0644) == 0);
        const auto opened = Segment::open(segment.spec, Access::read_only);
        REQUIRE(opened.error().kind == ErrorKind::denied);
        REQUIRE(opened.error().message.find("mode 0644") != std::string::npos);
    }
    SECTION("not there") {
        auto other = segment.spec;
        other.channel = "absent";
        REQUIRE(Segment::open(other, Access::read_only).error().kind == ErrorKind::missing);
    }
}

TEST_CASE("more memory than there is gives one clear error and leaves nothing behind") {
    SegmentSpec spec = ring_spec(SegmentKind::broadcast, uint64_t{1} << 40);
    spec.instance = "unit-" + std::to_string(getpid());
    spec.channel = "huge";
    const auto created = Segment::create(spec);
    REQUIRE(created.error().kind == ErrorKind::no_space);
    REQUIRE(created.error().message.find("df /dev/shm") != std::string::npos);
    REQUIRE_FALSE(std::filesystem::exists("/dev/shm/" + spec.name()));
}

TEST_CASE("a copied segment can be inspected where it lies") {
    const ScopedSegment segment(ring_spec(SegmentKind::queue, 64));
    const auto copy = std::filesystem::temp_directory_path() / ("copied-" + std::to_string(getpid()));
    std::filesystem::copy_file(segment.path(), copy);
    const auto inspected = Segment::inspect(copy);
    REQUIRE(inspected.has_value());
    REQUIRE(inspected->header().kind == SegmentKind::queue);
    std::filesystem::remove(copy);
}

TEST_CASE("the start time of a process tells it from another of the same pid") {
    REQUIRE(process_start(static_cast<uint64_t>(getpid())) != 0);
    REQUIRE(process_start(0x7fff'ffff) == 0);
}

TEST_CASE("a process slot gives each channel one cursor, and none when all are taken") {
    static ProcessSlot slot;
    for (size_t i = 0; i < cursors_max; ++i) {
        auto* cursor = find_cursor(slot, "log." + std::to_string(i));
        REQUIRE(cursor != nullptr);
        REQUIRE(cursor == find_cursor(slot, "log." + std::to_string(i)));
    }
    REQUIRE(find_cursor(slot, "one more") == nullptr);
}
