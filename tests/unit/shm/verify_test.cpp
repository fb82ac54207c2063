#include "shm/verify.hpp"

#include <atomic>
#include <thread>

#include "shm/book_page.hpp"
#include "shm/breaker.hpp"
#include "shm/error_page.hpp"
#include "shm/governor_page.hpp"
#include "shm/metrics_page.hpp"
#include "shm/queue.hpp"
#include "tests/unit/shm/support.hpp"

using namespace of;
using namespace of::shm;
using test::ring_spec;
using test::ScopedSegment;

namespace {

void fill(const Segment& segment, uint64_t messages, uint64_t batch = 1) {
    BroadcastWriter<128> writer(segment);
    for (uint64_t i = 0; i < messages; i += batch) {
        writer.claim(batch);
        writer.commit(batch);
    }
}

/// Fills a queue and reads all but the last `left`.
void fill_queue(const Segment& segment, uint64_t messages, uint64_t left) {
    QueueWriter<128> writer(segment);
    QueueReader<128> reader(segment);
    for (uint64_t i = 0; i < messages; ++i) {
        REQUIRE(writer.claim());
        writer.commit();
        if (i < left) continue;
        REQUIRE(reader.front() != nullptr);
        reader.pop();
    }
    reader.flush();
}

std::string told(const Findings& findings) {
    std::string text;
    for (const auto& finding : findings.kept())
        text += finding.what + ": " + finding.found + " / " + finding.expected + "\n";
    return text;
}

void require_sound(const Segment& segment) {
    for (const auto depth : {Depth::each_slot, Depth::quick}) {
        const auto findings = verify(segment, Taken::in_place, depth);
        INFO(told(findings));
        REQUIRE(findings.empty());
    }
}

/// One finding at this place of the file, or among those that there are.
void require_finding(const Segment& segment, uint64_t offset) {
    const auto findings = verify(segment);
    INFO(told(findings) << "wanted at " << offset);
    REQUIRE(std::ranges::find(findings.kept(), offset, &Finding::offset) != findings.kept().end());
}

uint64_t word_offset(uint64_t slot) { return body_offset + sizeof(RingLines) + slot * 128; }

SegmentSpec page_for(std::string_view page) {
    auto spec = *page_spec(page);
    spec.channel = page;
    return spec;
}

}  // namespace

TEST_CASE("a ring that its writer and reader left is sound, whatever its fill and its batches") {
    for (const uint64_t messages : {0, 1, 15, 16, 17, 63, 64, 65, 500}) {
        const ScopedSegment broadcast(ring_spec(SegmentKind::broadcast, 64));
        fill(broadcast.open(), messages);
        require_sound(broadcast.open(Access::read_only));
        const ScopedSegment queue(ring_spec(SegmentKind::queue, 64));
        fill_queue(queue.open(), messages, messages % 40);
        require_sound(queue.open(Access::read_only));
    }
    for (const uint64_t batch : {2, 7, 16, 31, 32}) {
        const ScopedSegment broadcast(ring_spec(SegmentKind::broadcast, 64));
        fill(broadcast.open(), 100 * batch, batch);
        require_sound(broadcast.open(Access::read_only));
    }
}

TEST_CASE("a ring whose writer died in a batch is sound, before and after its successor") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    const auto mapped = segment.open();
    fill(mapped, 70);
    BroadcastWriter<128> dying(mapped);
    dying.claim(5);
    require_sound(mapped);
    SlotArray<128> slots(mapped);
    slots.word(74).store(committed_word(74));
    slots.word(73).store(committed_word(73));
    require_sound(mapped);
    BroadcastWriter<128> successor(mapped);
    require_sound(mapped);
    successor.claim(2);
    successor.commit(2);
    require_sound(mapped);
}

TEST_CASE("a queue whose writer died in a batch is sound, before and after its successor") {
    const ScopedSegment segment(ring_spec(SegmentKind::queue, 64));
    const auto mapped = segment.open();
    fill_queue(mapped, 70, 3);
    SlotArray<128> slots(mapped);
    slots.word(74).store(queued_word(74));
    slots.word(73).store(queued_word(73));
    require_sound(mapped);
    QueueWriter<128> successor(mapped);
    require_sound(mapped);
}

TEST_CASE("a commit word that no position of its slot can have is found, with its place") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    const auto mapped = segment.open();
    fill(mapped, 150);  // slots 0..21 hold the third lap, 22..63 the second
    SlotArray<128> slots(mapped);
    SECTION("of another slot") { slots.word(5).store(committed_word(150)); }
    SECTION("of an older lap") { slots.word(5).store(committed_word(5 + 64)); }
    SECTION("far ahead") { slots.word(5).store(committed_word(5 + 64 * 9)); }
    SECTION("being written far behind the end") { slots.word(5).store(writing_word(5 + 128)); }
    SECTION("never written") { slots.word(5).store(0); }
    require_finding(mapped, word_offset(5));
}

TEST_CASE("a committed slot behind the end belongs to a batch that begins at the end, or is corrupt") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    const auto mapped = segment.open();
    fill(mapped, 70);
    SlotArray<128> slots(mapped);
    slots.word(75).store(committed_word(75));
    require_finding(mapped, word_offset(75 % 64));
    for (uint64_t p = 70; p < 75; ++p) slots.word(p).store(writing_word(p));
    require_sound(mapped);
}

TEST_CASE("a copy that was made while its ring was written may be ahead of its end, but by no more than a lap") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    const auto mapped = segment.open();
    fill(mapped, 70);
    SlotArray<128> slots(mapped);
    for (uint64_t p = 80; p < 128; ++p) slots.word(p).store(committed_word(p));
    REQUIRE_FALSE(verify(mapped).empty());
    REQUIRE(told(verify(mapped, Taken::while_written)) == "");
    slots.word(80).store(committed_word(80 + 64));
    REQUIRE(verify(mapped, Taken::while_written).total() == 1);
}

TEST_CASE("an unread message of a queue is not overwritten, and a reader is not ahead of its writer") {
    const ScopedSegment segment(ring_spec(SegmentKind::queue, 64));
    const auto mapped = segment.open();
    fill_queue(mapped, 100, 30);
    SlotArray<128> slots(mapped);
    SECTION("overwritten") {
        slots.word(80).store(queued_word(80 + 64));
        require_finding(mapped, word_offset(80 % 64));
    }
    SECTION("wiped") {
        slots.word(80).store(0);
        require_finding(mapped, word_offset(80 % 64));
    }
    SECTION("the head beyond the end") {
        mapped.lines().head.store(1'000'000);
        require_finding(mapped, body_offset + offsetof(RingLines, head));
    }
    SECTION("the head more than a ring behind") {
        mapped.lines().head.store(20);
        require_finding(mapped, body_offset + offsetof(RingLines, head));
    }
}

TEST_CASE("a tail that is not near the end is found as such, not as a ring full of wrong slots") {
    const auto depth = GENERATE(Depth::each_slot, Depth::quick);
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    const auto mapped = segment.open();
    fill(mapped, 150);
    for (const uint64_t wrong : {uint64_t{1} << 60, uint64_t{5}, uint64_t{300}}) {
        mapped.lines().tail.store(wrong);
        const auto findings = verify(mapped, Taken::in_place, depth);
        INFO(told(findings));
        REQUIRE(findings.total() == 1);
        REQUIRE(findings.kept()[0].offset == body_offset);
        REQUIRE(findings.kept()[0].expected.find("near 150") != std::string::npos);
    }
}

TEST_CASE("a ring is sound at every look while its writer and reader work on it") {
    const auto kind = GENERATE(SegmentKind::broadcast, SegmentKind::queue);
    const auto depth = GENERATE(Depth::each_slot, Depth::quick);
    const ScopedSegment segment(ring_spec(kind, 64));
    std::atomic<bool> stop{false};
    std::thread busy([&] {
        const auto mapped = segment.open();
        uint64_t n = 0;
        if (kind == SegmentKind::broadcast) {
            BroadcastWriter<128> writer(mapped);
            for (; !stop.load(); ++n) {
                writer.claim(1 + n % 9);
                writer.commit(1 + n % 9);
            }
            return;
        }
        QueueWriter<128> writer(mapped);
        QueueReader<128> reader(mapped);
        for (; !stop.load(); ++n) {
            if (writer.claim(1 + n % 9)) writer.commit(1 + n % 9);
            if (reader.front() != nullptr && n % 3 != 0) reader.pop();
            if (n % 64 == 0) {
                while (reader.front() != nullptr) reader.pop();
            }
        }
    });
    const auto mapped = segment.open(Access::read_only);
    std::string found;
    for (int look = 0; look < 2'000 && found.empty(); ++look) found = told(verify(mapped, Taken::in_place, depth));
    stop.store(true);
    busy.join();
    INFO(found);
    REQUIRE(found.empty());
    require_sound(mapped);
}

TEST_CASE("bytes that nobody writes, and texts without an end, are found") {
    const ScopedSegment segment(ring_spec(SegmentKind::broadcast, 64));
    const auto mapped = segment.open();
    auto& header = const_cast<SegmentHeader&>(mapped.header());
    SECTION("reserved") {
        header.reserved[7] = 1;
        require_finding(mapped, offsetof(SegmentHeader, reserved) + 7);
    }
    SECTION("behind the channel's name") {
        header.channel[40] = 'x';
        require_finding(mapped, offsetof(SegmentHeader, channel) + 40);
    }
    SECTION("no end") {
        std::memset(header.instance, 'x', sizeof header.instance);
        require_finding(mapped, offsetof(SegmentHeader, instance));
    }
    SECTION("layout hash") {
        header.layout_hash ^= 4;
        require_finding(mapped, offsetof(SegmentHeader, layout_hash));
    }
    SECTION("a field that may be anything") {
        header.created_ns ^= 1;
        require_finding(mapped, offsetof(SegmentHeader, checksum));
    }
    SECTION("ring lines") {
        const_cast<char&>(mapped.lines().reserved[100]) = 1;
        require_finding(mapped, body_offset + offsetof(RingLines, reserved) + 100);
    }
}

TEST_CASE("a metrics page is sound as its writer leaves it; a histogram that does not add up is found") {
    const ScopedSegment segment(page_for("metrics"));
    const auto mapped = segment.open();
    auto& page = mapped.page<MetricsPage>();
    MetricsWriter writer(page);
    writer.add(MetricKind::counter, "rows_total", "", "", "rows");
    const auto histogram = writer.add(MetricKind::histogram, "latency_ns", "", "ns", "latency");
    writer.record(histogram, 500);
    writer.record(histogram, 500);
    writer.publish(1, 0);
    require_sound(mapped);
    const auto entries = body_offset + offsetof(MetricsPage, entries);
    SECTION("sum of the buckets") {
        page.banks[1].words[histogram + HistogramLayout::buckets].store(3);
        require_finding(mapped, body_offset + offsetof(MetricsPage, banks) + sizeof(MetricsBank) +
                                    offsetof(MetricsBank, words) + (histogram + HistogramLayout::buckets) * 8);
    }
    SECTION("an offset beyond the bank") {
        page.entries[1].offset = metric_words_max;
        require_finding(mapped, entries + 256 + offsetof(MetricEntry, offset));
    }
    SECTION("a kind that is none") {
        page.entries[0].kind = static_cast<MetricKind>(9);
        require_finding(mapped, entries + offsetof(MetricEntry, kind));
    }
    SECTION("too many entries") {
        page.entries_used.store(metrics_max + 1);
        require_finding(mapped, body_offset + offsetof(MetricsPage, entries_used));
    }
}

TEST_CASE("a breaker page is sound as its owner leaves it; a state or a lease that cannot be is found") {
    const ScopedSegment segment(page_for("breaker"));
    const auto mapped = segment.open();
    auto& page = mapped.page<BreakerPage>();
    Breaker breaker(*page.add("rest"), {.failures_max = 1});
    breaker.fail(breaker.allow([] { return int64_t{0}; }), 0, 0.5);
    require_sound(mapped);
    const auto record = body_offset + offsetof(BreakerPage, records);
    SECTION("state") {
        page.records[0].state.store(9);
        require_finding(mapped, record + offsetof(BreakerRecord, state));
    }
    SECTION("lease") {
        page.records[0].leases[1].id.store(5);
        require_finding(mapped, record + offsetof(BreakerRecord, leases) + sizeof(BreakerLease));
    }
    SECTION("too many") {
        page.used.store(breakers_max + 1);
        require_finding(mapped, body_offset);
    }
}

TEST_CASE("an error page is sound as its owner leaves it; an error without a time is found") {
    const ScopedSegment segment(page_for("error"));
    const auto mapped = segment.open();
    auto& page = mapped.page<ErrorPage>();
    page.note(7, 1, 1, {});
    require_sound(mapped);
    page.records[0].last_wall_ns.store(0);
    require_finding(mapped, body_offset + offsetof(ErrorPage, records) + offsetof(ErrorRecord, last_wall_ns));
}

TEST_CASE("a governor page is sound as its users leave it; a record that is not its name's is found") {
    const ScopedSegment segment(page_for("governor"));
    const auto mapped = segment.open();
    auto& page = mapped.page<GovernorPage>();
    require_sound(mapped);
    page.claim("binance");
    page.claim("127.0.0.1:1");
    require_sound(mapped);
    SECTION("whoever took a record died before it was named") {
        page.venues[2].key.store(4711);
        require_sound(mapped);
    }
    SECTION("another name") {
        page.venues[1].name.store("binance");
        require_finding(mapped, body_offset + sizeof(VenueRecord));
    }
    SECTION("a record behind a free one") {
        page.venues[4].key.store(4711);
        require_finding(mapped, body_offset + 4 * sizeof(VenueRecord));
    }
}

TEST_CASE("a book page is sound with a quote half written; a name twice or a quote without sequence is found") {
    const ScopedSegment segment(page_for("book"));
    const auto mapped = segment.open();
    auto& page = mapped.page<BookPage>();
    page.add("BTCUSDT");
    page.add("ETHUSDT");
    page.entries[0].store({1, 2, 3, 4, 5, 6});
    page.entries[1].sequence.store(7);
    require_sound(mapped);
    const auto entries = body_offset + offsetof(BookPage, entries);
    SECTION("a name twice") {
        std::memcpy(page.entries[1].name, "BTCUSDT", 7);
        require_finding(mapped, entries + 128);
    }
    SECTION("a quote without its sequence") {
        page.entries[0].sequence.store(0);
        require_finding(mapped, entries + offsetof(BookEntry, sequence));
    }
    SECTION("a name that is not counted") {
        page.entries[3].name[0] = 'X';
        require_finding(mapped, entries + 3 * 128);
    }
}

TEST_CASE("a cursor is within its ring, and has not lost more than it has passed") {
    const ScopedSegment ring(ring_spec(SegmentKind::broadcast, 64));
    const auto mapped = ring.open();
    fill(mapped, 100);
    const ScopedSegment segment(page_for("control"));
    const auto control = segment.open();
    auto& page = control.page<ControlPage>();
    page.instance.processes.store(1);
    std::memcpy(page.processes[0].desk.name, "storage", 7);
    auto* cursor = find_cursor(page.processes[0], "market.0");
    cursor->generation.store(mapped.header().generation);
    cursor->position.store(100);
    cursor->lost.store(100);
    const auto ring_of = [&](std::string_view name) { return name == "market.0" ? &mapped : nullptr; };
    require_sound(control);
    REQUIRE(verify_cursors(page, ring_of).empty());
    cursor->lost.store(101);
    REQUIRE(verify_cursors(page, ring_of).total() == 1);
    cursor->position.store(101);
    REQUIRE(verify_cursors(page, ring_of).total() == 1);
    cursor->generation.store(mapped.header().generation + 1);  // of a ring that was
    REQUIRE(verify_cursors(page, ring_of).empty());
    find_cursor(page.processes[0], "no-such-ring");
    REQUIRE(verify_cursors(page, ring_of).total() == 1);
}
