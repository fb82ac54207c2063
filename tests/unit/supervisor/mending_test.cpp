// Whom a broken segment concerns, for each kind of channel; and what the segment guard sees of a segment in /dev/shm.
#include "supervisor/mending.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <string>

#include "shm/broadcast.hpp"
#include "shm/queue.hpp"
#include "supervisor/segment_guard.hpp"
#include "supervisor/wire.hpp"
#include "tests/support/wait.hpp"

using namespace of;
using namespace of::supervisor;
using of::test::wait_until;

namespace {

const auto processes = processes_of(1);
const auto channels = channels_of(processes);

size_t number_of(std::string_view name) {
    for (size_t i = 0; i < channels.size(); ++i)
        if (channels[i].name() == name) return i;
    FAIL("no channel " << name);
    return 0;
}

MendPlan plan_for(const std::vector<std::string>& broken) {
    std::vector<size_t> numbers;
    for (const auto& name : broken) numbers.push_back(number_of(name));
    return plan_mending(channels, numbers, processes);
}

/// "binance communication" in the order of their restart.
std::string restarted(const MendPlan& plan) {
    std::string names;
    for (const auto process : plan.restart) names += (names.empty() ? "" : " ") + name_of(process);
    return names;
}

/// By CLOCK_REALTIME_COARSE, as files are dated.
int64_t change_ns(const std::string& path) {
    struct stat file{};
    stat(path.c_str(), &file);
    return file.st_ctim.tv_sec * 1'000'000'000 + file.st_ctim.tv_nsec;
}

/// A segment of this test alone, and its file.
struct OnDisk {
    explicit OnDisk(shm::SegmentKind kind)
        : spec{.instance = "of-guard-" + std::to_string(getpid()),
               .channel = "ring",
               .kind = kind,
               .slots = 64,
               .slot_bytes = 128,
               .schema = "",
               .layout = "ring 1"},
          path("/dev/shm/" + spec.name()),
          segment(*shm::Segment::create(spec)),
          held(*HeldSegment::hold(spec.name(), segment.header())) {}
    ~OnDisk() { unlink(path.c_str()); }

    shm::SegmentSpec spec;
    std::string path;
    shm::Segment segment;
    HeldSegment held;
};

}  // namespace

TEST_CASE("a broken segment concerns those who have it mapped, in drain order, and no others") {
    const std::map<std::string, std::string> table{
        {"market.0", "binance communication storage"},
        {"book.0", "binance communication storage"},
        {"log.storage", "communication storage logger"},
        {"log.supervisor", "communication logger"},
        {"log.logger", "communication logger"},
        {"trace.binance", "binance"},
        {"trace.supervisor", ""},
        {"metrics.storage", "communication storage"},
        {"metrics.supervisor", "communication"},
        {"error.logger", "logger"},
        {"breaker.binance", "binance"},
        {"command.storage", "storage"},
        {"event.communication", "communication"},
        {"call.communication.storage", "communication storage"},
        {"reply.binance.communication", "binance communication"},
    };
    for (const auto& [name, workers] : table) {
        INFO(name);
        const auto plan = plan_for({name});
        CHECK_FALSE(plan.hopeless);
        CHECK(restarted(plan) == workers);
    }
}

TEST_CASE("several broken segments concern each worker once") {
    CHECK(restarted(plan_for({"trace.storage", "breaker.storage", "error.logger"})) == "storage logger");
    CHECK(restarted(plan_for({})).empty());
}

TEST_CASE(
    "a market ring is made anew with the book page that its symbols are numbered by, and not the other way round") {
    CHECK(plan_for({"book.0"}).remake == std::vector{number_of("market.0"), number_of("book.0")});
    CHECK(plan_for({"market.0"}).remake == std::vector{number_of("market.0")});
}

TEST_CASE("the control page cannot be mended, whatever else is broken") {
    for (const auto& broken : {std::vector<std::string>{"control"}, {"trace.storage", "control"}}) {
        const auto plan = plan_for(broken);
        CHECK(plan.hopeless);
        CHECK(plan.restart.empty());
    }
}

TEST_CASE("a segment that is as it was has no damage") {
    const OnDisk disk(shm::SegmentKind::broadcast);
    CHECK_FALSE(disk.held.damage());
    CHECK_FALSE(disk.held.restore_mode());
}

TEST_CASE("each damage to a segment is named, by the first look and by one that has found all well before") {
    OnDisk disk(shm::SegmentKind::broadcast);
    std::string expected;
    if (GENERATE(false, true)) {
        REQUIRE(wait_until([&] { return now_ns(CLOCK_REALTIME_COARSE) > change_ns(disk.path); }));
        REQUIRE_FALSE(disk.held.damage());
    }
    SECTION("unlinked") {
        unlink(disk.path.c_str());
        expected = "gone";
    }
    SECTION("replaced") {
        unlink(disk.path.c_str());
        std::ofstream(disk.path) << "garbage";
        expected = "another file";
    }
    SECTION("replaced by a link to itself elsewhere") {
        REQUIRE(rename(disk.path.c_str(), (disk.path + ".moved").c_str()) == 0);
        REQUIRE(symlink((disk.path + ".moved").c_str(), disk.path.c_str()) == 0);
        expected = "another file";
    }
    SECTION("truncated") {
        REQUIRE(truncate(disk.path.c_str(), 4096) == 0);
        expected = "4096 bytes";
    }
    SECTION("grown") {
        REQUIRE(truncate(disk.path.c_str(), 1 << 20) == 0);
        expected = "1048576 bytes";
    }
    SECTION("open to others") {
        REQUIRE(chmod(disk.path.c_str(), 0666) == 0);
        expected = "0666";
    }
    SECTION("one byte of its header") {
        const auto at =
            GENERATE(0, 130, 263, 264, 895, 896, 900, 1023);  // of the fields, reserved, the state, behind it
        const int file = open(disk.path.c_str(), O_RDWR | O_CLOEXEC);
        char byte = 0;
        REQUIRE(pread(file, &byte, 1, at) == 1);
        byte = static_cast<char>(~byte);
        REQUIRE(pwrite(file, &byte, 1, at) == 1);
        close(file);
        expected = at < 264 ? fmt::format("byte {} is", at) : "the bytes from 264 on";
    }
    const auto damage = disk.held.damage();
    REQUIRE(damage);
    CHECK(damage->find(expected) != std::string::npos);
    unlink((disk.path + ".moved").c_str());
}

TEST_CASE("rights that were taken from the owner alone are given back, others' are not") {
    const OnDisk disk(shm::SegmentKind::broadcast);
    REQUIRE(chmod(disk.path.c_str(), 0) == 0);
    CHECK(disk.held.restore_mode() == 0);
    CHECK_FALSE(disk.held.damage());
    REQUIRE(chmod(disk.path.c_str(), 0066) == 0);
    CHECK_FALSE(disk.held.restore_mode());
    CHECK(disk.held.damage());
}

TEST_CASE("how far a ring was written is told to the message, of a ring without a name as well") {
    const OnDisk disk(shm::SegmentKind::broadcast);
    shm::BroadcastWriter<128> writer(disk.segment);
    for (uint64_t written = 0; written < 200; ++written) {
        REQUIRE(disk.held.ends()->tail == written);
        writer.claim();
        writer.commit();
    }
    unlink(disk.path.c_str());
    CHECK(disk.held.ends()->tail == 200);
}

TEST_CASE("of a queue both ends are told; of a ring whose words were cut off none") {
    const OnDisk disk(shm::SegmentKind::queue);
    shm::QueueWriter<128> writer(disk.segment);
    for (int i = 0; i < 5; ++i) {
        REQUIRE(writer.claim());
        writer.commit();
    }
    CHECK(disk.held.ends()->tail == 5);
    CHECK(disk.held.ends()->head == 0);
    REQUIRE(truncate(disk.path.c_str(), shm::body_offset) == 0);
    CHECK_FALSE(disk.held.ends());
}
