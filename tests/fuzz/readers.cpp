#include "tests/fuzz/readers.hpp"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "proto/log_catalog.hpp"
#include "proto/market.hpp"
#include "shm/breaker.hpp"
#include "shm/error_page.hpp"
#include "shm/governor.hpp"
#include "shm/metrics_page.hpp"
#include "shm/queue.hpp"
#include "shm/verify.hpp"
#include "supervisor/ofctl/decode.hpp"
#include "supervisor/ofctl/verify.hpp"

namespace of::fuzz {
namespace {

using namespace shm;

constexpr uint64_t ring_slots = 64;

template <uint32_t slot_bytes>
void fill_broadcast(const Segment& segment, const std::vector<MessageSchema>& messages) {
    BroadcastWriter<slot_bytes> writer(segment);
    for (uint64_t n = 0; n < 3 * ring_slots / 2; ++n) {
        writer.claim();
        writer.template message<Header>() = {.type = messages[n % messages.size()].type, .count = 2};
        writer.commit();
    }
    writer.claim(3);  // as a writer that died in a batch leaves it
}

void fill_queue(const Segment& segment, const std::vector<MessageSchema>& messages) {
    QueueWriter<128> writer(segment);
    QueueReader<128> reader(segment);
    for (uint64_t n = 0; n < 3 * ring_slots / 2; ++n) {
        if (!writer.claim()) std::abort();
        writer.message<Header>() = {.type = messages[n % messages.size()].type, .count = 2};
        writer.commit();
        if (n >= 20 && reader.front() != nullptr) reader.pop();
    }
    reader.flush();
}

void fill_ring(const Segment& segment) {
    const auto messages = parse_schema(segment.schema());
    if (segment.header().kind == SegmentKind::queue) return fill_queue(segment, messages);
    if (segment.header().slot_bytes == 64) fill_broadcast<64>(segment, messages);
    if (segment.header().slot_bytes == 128) fill_broadcast<128>(segment, messages);
    if (segment.header().slot_bytes == 256) fill_broadcast<256>(segment, messages);
}

void fill_control(ControlPage& page) {
    uint32_t used = 0;
    for (const auto process : processes_of(1)) {
        auto& slot = page.processes[used++];
        const auto name = name_of(process);
        std::copy(name.begin(), name.end(), slot.desk.name);
        slot.desk.incarnation.store(1);
        find_cursor(slot, "market.0")->position.store(7);
    }
    page.instance.processes.store(used);
}

void fill_page(const Segment& segment, std::string_view page) {
    if (page == "control") fill_control(segment.page<ControlPage>());
    if (page == "book") {
        auto& book = segment.page<BookPage>();
        for (const auto* name : {"BTCUSDT", "ETHUSDT", "BNBBTC"})
            book.entries[*book.add(name)].store({1, 2, 3, 4, 5, 6});
    }
    if (page == "metrics") {
        MetricsWriter writer(segment.page<MetricsPage>());
        writer.count(writer.add(MetricKind::counter, "rows_total", "table=\"trades\"", "", "rows"), 41);
        const auto histogram = writer.add(MetricKind::histogram, "latency_ns", "", "ns", "latency");
        writer.record(histogram, 500);
        writer.publish(1, 0);
    }
    if (page == "breaker") {
        Breaker breaker(*segment.page<BreakerPage>().add("rest"), {.failures_max = 1});
        breaker.fail(breaker.allow([] { return int64_t{0}; }), 0, 0.5);
    }
    if (page == "governor") {
        VenueBudget budget(*segment.page<GovernorPage>().claim("127.0.0.1:1"), {});
        budget.take(250, true, {1, 1});
        budget.take_connection(1);
        budget.shut(429, 2);
    }
    if (page == "error") segment.page<ErrorPage>().note(1, 1, 1, {});
}

std::string bytes_of(const SegmentSpec& spec) {
    remove_segment(spec.name());
    const auto segment = Segment::create(spec);
    if (!segment) std::abort();
    if (spec.kind == SegmentKind::page) {
        fill_page(*segment, spec.channel.substr(0, spec.channel.find('.')));
    } else {
        fill_ring(*segment);
    }
    std::ifstream file("/dev/shm/" + spec.name(), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    remove_segment(spec.name());
    return bytes;
}

template <uint32_t slot_bytes>
void read_broadcast(const Segment& segment) {
    if (segment.header().kind != SegmentKind::broadcast || segment.header().slot_bytes != slot_bytes) return;
    using Reader = BroadcastReader<slot_bytes>;
    for (const auto from : {uint64_t{0}, Reader::oldest(segment), Reader::newest(segment)}) {
        Reader reader(segment, from);
        alignas(8) std::byte message[Reader::message_bytes];
        for (uint64_t i = 0; i < 4 * segment.header().slots; ++i) {
            if (reader.read(message) == ReadStatus::empty) break;
        }
        static_cast<void>(reader.lag());
        static_cast<void>(reader.ready());
    }
}

void read_queue(const Segment& segment) {
    if (segment.header().kind != SegmentKind::queue || segment.header().slot_bytes != 128) return;
    QueueReader<128> reader(segment);
    static_cast<void>(reader.front());  // no pop: the mapping is read-only, as a tool's is
    static_cast<void>(reader.ready());
}

void decode_ring(Segment segment) {
    const ofctl::RingView ring(std::move(segment));
    const ofctl::MessageDecoder decoder(ring.segment().schema(), nullptr);
    std::vector<std::byte> message;
    const auto tail = ring.tail();
    auto position = ring.oldest();
    for (uint64_t i = 0; i < ring.slots() && position < tail; ++i, ++position) {
        if (!ring.read(position, message)) continue;
        const auto decoded = decoder.decode(message);
        ofctl::Json json;
        json.open_object();
        decoded.append_to(json);
        if (decoded.line().empty()) std::abort();
    }
}

void read_control(const ControlPage& page) {
    for (const auto* name : {"storage", "binance", "nobody"}) static_cast<void>(page.find(name));
    static_cast<void>(verify_cursors(page, [](std::string_view) { return nullptr; }));
}
void read_book(const BookPage& page) {
    for (uint16_t i = 0; i < symbols_max; i = static_cast<uint16_t>(i + 37)) {
        static_cast<void>(page.symbol(i));
        static_cast<void>(page.entries[i].load());
    }
    static_cast<void>(page.find("ETHUSDT"));
}
void read_metrics(const MetricsPage& page) {
    const auto copied = snapshot(page);
    for (const auto& value : copied.values) {
        if (value.entry->kind == MetricKind::histogram) static_cast<void>(value.quantile(0.99));
    }
    static_cast<void>(copied.find("rows_total"));
}

void read_breakers(BreakerPage& page) {
    for (size_t i = 0; i < page.size(); ++i) {
        static_cast<void>(text_of(page.records[i].name));
        std::string text;
        static_cast<void>(page.records[i].lock.read([&] { text = page.records[i].reason.load(); }));
    }
    static_cast<void>(page.find("rest"));
}
void read_errors(const ErrorPage& page) {
    for (size_t i = 0; i < errors_max; ++i) {
        DistinctError error;
        if (!page.read(i, error)) continue;
        LogRecord record{};
        std::memcpy(static_cast<void*>(&record), error.content.data(), sizeof record);
        static_cast<void>(render(record));
    }
}

/// As a feed worker uses it too: the page may come from a former instance.
void read_governor(GovernorPage& page) {
    for (auto& venue : page.venues) {
        VenueBudget budget(venue, {});
        static_cast<void>(venue.name.load());
        static_cast<void>(budget.used(1) + budget.connections_left(1));
        static_cast<void>(budget.shut_for_ns(1));
    }
}

void read_page(const Segment& segment) {
    if (!knows_layout(segment)) return;
    const auto channel = text_of(segment.header().channel);
    if (channel.starts_with("control")) read_control(segment.page<ControlPage>());
    if (channel.starts_with("book")) read_book(segment.page<BookPage>());
    if (channel.starts_with("breaker")) read_breakers(segment.page<BreakerPage>());
    if (channel.starts_with("error")) read_errors(segment.page<ErrorPage>());
    if (channel.starts_with("governor")) read_governor(segment.page<GovernorPage>());
    if (channel.starts_with("metrics")) read_metrics(segment.page<MetricsPage>());
}

}  // namespace

std::vector<std::string> good_segments() {
    std::vector<std::string> segments;
    const auto instance = "fuzz-" + std::to_string(getpid());
    for (const auto& wire : wiring)
        segments.push_back(bytes_of(
            make_spec(instance, std::string(name_of(wire.kind)) + ".fuzz", static_cast<SegmentKind>(wire.transport),
                      name_of(wire.kind), wire.slot_bytes, wire.slots == 0 ? 0 : ring_slots, schema_of(wire.kind))));
    segments.push_back(bytes_of(make_spec(instance, "governor", SegmentKind::page, "governor", 0, 0, "")));
    return segments;
}

bool read_all(const std::string& path) {
    auto segment = Segment::inspect(path);
    if (!segment) return true;
    static_cast<void>(creator_lives(segment->header()));
    const bool well = verify(*segment).empty();
    if (segment->header().kind == SegmentKind::page) {
        read_page(*segment);
        return !well;
    }
    read_broadcast<64>(*segment);
    read_broadcast<128>(*segment);
    read_broadcast<256>(*segment);
    read_queue(*segment);
    Findings differences;
    ofctl::verify_schema(differences, segment->schema(), schema_of(ChannelKind::market));
    decode_ring(std::move(*segment));
    return !well;
}

}  // namespace of::fuzz
