#include <sys/eventfd.h>
#include <sys/wait.h>

#include <memory>
#include <thread>

#include "shm/doorbell.hpp"
#include "shm/queue.hpp"
#include "tests/unit/shm/support.hpp"

using namespace of;
using namespace of::shm;
using test::Proof;
using test::ring_spec;
using test::ScopedSegment;

namespace {

void publish(BroadcastWriter<128>& writer, uint64_t from, uint64_t count) {
    writer.claim(count);
    for (uint64_t i = 0; i < count; ++i) writer.message<Proof>(i).fill(from + i);
    writer.commit(count);
}

}  // namespace

TEST_CASE("a broadcast reader sees each message once, whole, in order") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    const auto mapped = segment.open();
    BroadcastWriter<128> writer(mapped);
    BroadcastReader<128> reader(mapped, 0);
    Proof proof{};
    REQUIRE(reader.read(&proof) == ReadStatus::empty);
    for (uint64_t n = 0; n < 1000; ++n) {
        publish(writer, n, 1);
        REQUIRE(reader.read(&proof) == ReadStatus::message);
        REQUIRE(proof.number == n);
        REQUIRE(proof.whole());
    }
    REQUIRE(reader.read(&proof) == ReadStatus::empty);
    REQUIRE(reader.lost() == 0);
}

TEST_CASE("a batch is invisible until it is committed, then there as a whole") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    const auto mapped = segment.open();
    BroadcastWriter<128> writer(mapped);
    BroadcastReader<128> reader(mapped, 0);
    Proof proof{};
    writer.claim(5);
    for (uint64_t i = 0; i < 5; ++i) writer.message<Proof>(i).fill(i);
    REQUIRE(reader.read(&proof) == ReadStatus::empty);
    REQUIRE_FALSE(reader.ready());
    REQUIRE(writer.commit(5) == 0);
    for (uint64_t i = 0; i < 5; ++i) REQUIRE(reader.read(&proof) == ReadStatus::message);
}

TEST_CASE("the end of a ring is exact though its hint is stored each sixteen messages") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    const auto mapped = segment.open();
    BroadcastWriter<128> writer(mapped);
    BroadcastReader<128> reader(mapped, 0);
    for (uint64_t n = 0; n < 150; ++n) {
        CHECK(mapped.lines().tail.load() == n / tail_hint_every * tail_hint_every);
        CHECK(ring_tail(mapped) == n);
        CHECK(BroadcastReader<128>::newest(mapped) == n);
        CHECK(reader.lag() == n);
        CHECK(BroadcastWriter<128>(mapped).tail() == n);  // as a successor would find it
        mapped.lines().tail.store(n / tail_hint_every * tail_hint_every);
        publish(writer, n, 1);
    }
}

TEST_CASE("the end of a queue is exact, also when its reader is ahead of the hint") {
    const ScopedSegment segment(ring_spec(SegmentKind::queue, 64));
    const auto mapped = segment.open();
    QueueWriter<128> writer(mapped);
    QueueReader<128> reader(mapped);
    for (uint64_t n = 0; n < 150; ++n) {
        CHECK(ring_tail(mapped) == n);
        REQUIRE(writer.claim());
        writer.message<Proof>().fill(n);
        writer.commit();
        CHECK(ring_tail(mapped) == n + 1);
        REQUIRE(reader.front() != nullptr);
        reader.pop();
        reader.flush();
    }
}

TEST_CASE("a lapped reader knows exactly how many messages it lost") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    const auto mapped = segment.open();
    BroadcastWriter<128> writer(mapped);
    BroadcastReader<128> reader(mapped, 0);
    for (uint64_t n = 0; n < 200; ++n) publish(writer, n, 1);
    uint64_t read = 0;
    Proof proof{};
    for (;;) {
        const auto status = reader.read(&proof);
        if (status == ReadStatus::empty) break;
        if (status == ReadStatus::message) {
            REQUIRE(proof.whole());
            REQUIRE(proof.number == reader.position() - 1);
            ++read;
        }
    }
    REQUIRE(read + reader.lost() == 200);
    REQUIRE(reader.lost() > 0);
}

TEST_CASE("a reader that is lapped by a batch being written does not wait for it") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    const auto mapped = segment.open();
    BroadcastWriter<128> writer(mapped);
    for (uint64_t n = 0; n < 64; ++n) publish(writer, n, 1);
    BroadcastReader<128> reader(mapped, 0);
    writer.claim(8);
    Proof proof{};
    REQUIRE(reader.ready());
    REQUIRE(reader.read(&proof) == ReadStatus::lapped);
    REQUIRE(reader.lost() == 16);
    REQUIRE(reader.read(&proof) == ReadStatus::message);
    REQUIRE(proof.number == 16);
}

TEST_CASE("a successor of a dead broadcast writer goes on at the last committed position") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    const auto mapped = segment.open();
    {
        BroadcastWriter<128> writer(mapped);
        for (uint64_t n = 0; n < 70; ++n) publish(writer, n, 1);
    }
    SECTION("killed before the tail hint was stored") { mapped.lines().tail.store(68); }
    SECTION("killed in the middle of a batch") {
        BroadcastWriter<128> dying(mapped);
        dying.claim(4);
        // Its last two slots are committed, its first ones are not.
        SlotArray<128> slots(mapped);
        slots.word(73).store(committed_word(73));
        slots.word(72).store(committed_word(72));
    }
    BroadcastWriter<128> writer(mapped);
    REQUIRE(writer.tail() == 70);
    BroadcastReader<128> reader(mapped, 69);
    Proof proof{};
    REQUIRE(reader.read(&proof) == ReadStatus::message);
    REQUIRE(reader.read(&proof) == ReadStatus::empty);
    publish(writer, 70, 1);
    REQUIRE(reader.read(&proof) == ReadStatus::message);
    REQUIRE(proof.number == 70);
    REQUIRE(reader.read(&proof) == ReadStatus::empty);
}

TEST_CASE("a full queue refuses and counts, and takes again what the reader has freed") {
    const ScopedSegment segment(ring_spec(SegmentKind::queue, 64));
    const auto mapped = segment.open();
    QueueWriter<128> writer(mapped);
    QueueReader<128> reader(mapped);
    for (uint64_t n = 0; n < 64; ++n) {
        REQUIRE(writer.claim());
        writer.message<Proof>().fill(n);
        writer.commit();
    }
    REQUIRE_FALSE(writer.claim());
    REQUIRE_FALSE(writer.claim(3));
    REQUIRE(writer.refused() == 4);
    for (uint64_t n = 0; n < 64; ++n) {
        const auto* proof = reinterpret_cast<const Proof*>(reader.front());
        REQUIRE(proof != nullptr);
        REQUIRE(proof->number == n);
        REQUIRE(proof->whole());
        reader.pop();
    }
    REQUIRE(reader.front() == nullptr);
    REQUIRE(writer.claim(64));
}

TEST_CASE("a successor of a dead queue reader sees at most sixteen messages twice") {
    const ScopedSegment segment(ring_spec(SegmentKind::queue, 64));
    const auto mapped = segment.open();
    QueueWriter<128> writer(mapped);
    for (uint64_t n = 0; n < 40; ++n) {
        REQUIRE(writer.claim());
        writer.message<Proof>().fill(n);
        writer.commit();
    }
    {
        QueueReader<128> dying(mapped);
        for (int n = 0; n < 37; ++n) {
            REQUIRE(dying.front() != nullptr);
            dying.pop();
        }
    }
    QueueReader<128> reader(mapped);
    const auto* proof = reinterpret_cast<const Proof*>(reader.front());
    REQUIRE(proof->number == 32);
}

TEST_CASE("a successor of a dead queue writer wipes what a batch had begun") {
    const ScopedSegment segment(ring_spec(SegmentKind::queue, 64));
    const auto mapped = segment.open();
    SlotArray<128> slots(mapped);
    mapped.lines().writers.store(1);
    slots.word(1).store(2);  // of a batch 0..1 whose first slot was not committed
    QueueWriter<128> writer(mapped);
    QueueReader<128> reader(mapped);
    REQUIRE(mapped.lines().writers.load() == 2);
    REQUIRE(writer.tail() == 0);
    REQUIRE(writer.claim());
    writer.message<Proof>().fill(7);
    writer.commit();
    REQUIRE(reinterpret_cast<const Proof*>(reader.front())->number == 7);
    reader.pop();
    REQUIRE(reader.front() == nullptr);
}

TEST_CASE("two processes, a million messages: read + lost = published, none torn") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 256));
    constexpr uint64_t messages = 1'000'000;
    const pid_t child = fork();
    if (child == 0) {
        auto mapped = Segment::open(segment.spec, Access::read_write);
        BroadcastWriter<128> writer(*mapped);
        for (uint64_t n = 0; n < messages; ++n) publish(writer, n, 1);
        _exit(0);
    }
    const auto mapped = segment.open(Access::read_only);
    BroadcastReader<128> reader(mapped, 0);
    Proof proof{};
    uint64_t read = 0;
    uint64_t torn = 0;
    while (reader.position() < messages) {
        if (reader.read(&proof) != ReadStatus::message) continue;
        ++read;
        torn += !proof.whole() || proof.number != reader.position() - 1;
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(torn == 0);
    REQUIRE(read + reader.lost() == messages);
}

TEST_CASE("a doorbell rings once for a sleeper and not at all for who is awake") {
    const auto memory = std::make_unique<SleepLine>();  // aligned to more than a stack gives
    auto& sleep = *memory;
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    DoorbellWriter writer(sleep, ends[1], true);
    const DoorbellReader reader(sleep, ends[0], true);
    REQUIRE_FALSE(writer.ring());
    reader.prepare_sleep();
    REQUIRE(writer.ring());
    REQUIRE_FALSE(writer.ring());
    reader.drain();
    reader.prepare_sleep();
    reader.awake();
    REQUIRE_FALSE(writer.ring());
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("a nap ends at its fill, counted anew for each nap and each writer, and at once for who cannot wait") {
    const auto memory = std::make_unique<SleepLine>();  // aligned to more than a stack gives
    auto& sleep = *memory;
    const int event = eventfd(0, EFD_NONBLOCK);
    DoorbellWriter feed(sleep, event, false, WakeAt::fill);
    DoorbellWriter other(sleep, event, false, WakeAt::fill);
    DoorbellWriter commands(sleep, event, false);
    DoorbellReader reader(sleep, event, false);
    reader.prepare_nap(3);
    REQUIRE_FALSE(feed.ring());
    REQUIRE_FALSE(other.ring(2));
    REQUIRE_FALSE(feed.ring());
    REQUIRE(reader.sleeping());
    REQUIRE(feed.ring());
    REQUIRE_FALSE(reader.sleeping());
    REQUIRE_FALSE(other.ring(9));  // nobody sleeps any more
    reader.drain();
    reader.prepare_nap(3);
    REQUIRE_FALSE(other.ring(2));
    REQUIRE(commands.ring());
    reader.drain();
    reader.prepare_nap(3);
    REQUIRE(feed.ring(16));  // a batch
    reader.drain();
    reader.prepare_sleep();
    REQUIRE(feed.ring());
    close(event);
}
