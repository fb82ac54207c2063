// The process that gdb_test.py takes a core of: segments of each kind with known content, mapped and already unlinked,
// so that only memory has them. Stops in subject_ready().
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include <cstdlib>

#include "proto/calls.hpp"
#include "proto/control.hpp"
#include "proto/market.hpp"
#include "proto/schema.hpp"
#include "shm/book_page.hpp"
#include "shm/breaker.hpp"
#include "shm/control_page.hpp"
#include "shm/error_page.hpp"
#include "shm/governor.hpp"
#include "shm/metrics_page.hpp"
#include "shm/queue.hpp"

using namespace of;
using namespace of::shm;

// What the test asks gdb for.
const SegmentHeader* market_header;
const SegmentHeader* command_header;
const SegmentHeader* control_header;
const SegmentHeader* book_header;
const SegmentHeader* metrics_header;
const RingLines* market_lines;
const ControlPage* control_page;
const BookPage* book_page;
const MetricsPage* metrics_page;
const SegmentHeader* breaker_header;
const SegmentHeader* error_header;
const SegmentHeader* governor_header;
const BreakerPage* breaker_page;
const ErrorPage* error_page;
const GovernorPage* governor_page;
CorrelationId correlation = CorrelationId::make({ProcessKind::binance, 0}, 3, 0xa1b2c);

extern "C" [[gnu::noinline]] void subject_ready() { asm volatile("" ::: "memory"); }

namespace {

Segment make(const char* channel, SegmentKind kind, const char* page, uint64_t slots, ChannelKind messages) {
    auto spec = make_spec("subject-" + std::to_string(getpid()), channel, kind, page, 128, slots, schema_of(messages));
    if (kind == SegmentKind::page) spec.slot_bytes = 0;
    auto made = Segment::create(spec);
    if (!made) {
        std::fprintf(stderr, "%s\n", made.error().message.c_str());
        std::exit(1);
    }
    remove_segment(spec.name());
    auto& header = const_cast<SegmentHeader&>(made->header());
    std::snprintf(header.instance, sizeof header.instance, "subject");
    header.creator_pid = 42;
    return std::move(*made);
}

void fill_market(const Segment& segment) {
    BroadcastWriter<128> writer(segment);
    for (uint64_t n = 1; n <= 70; ++n) {
        writer.claim();
        auto& trade = writer.message<Trade>();
        trade = {};
        trade.header = {.type = MessageType::trade,
                        .origin = ProcessId{ProcessKind::binance, 0}.packed(),
                        .symbol = 1,
                        .correlation = CorrelationId::make({ProcessKind::binance, 0}, 3, n)};
        trade.id = static_cast<int64_t>(n);
        trade.price = 6'183'763'000'000;
        trade.quantity = -2'000'000;
        trade.event_ns = trade.trade_ns = trade.receive_ns = 1'723'161'255'343'000'000;
        writer.commit();
    }
    writer.claim(3);  // never committed
}

void fill_command(const Segment& segment) {
    QueueWriter<128> writer(segment);
    QueueReader<128> reader(segment);
    for (uint64_t n = 1; n <= 3; ++n) {
        if (!writer.claim()) return;
        writer.message<CommandDrain>() = {
            .header = {.type = MessageType::command_drain, .origin = supervisor_process.packed()}, .deadline_ns = n};
        writer.commit();
    }
    reader.pop();
    reader.flush();
}

void fill_control(ControlPage& page) {
    page.instance.supervisor_pid.store(41);
    page.instance.processes.store(2);
    auto& storage = page.processes[0];
    std::snprintf(storage.desk.name, sizeof storage.desk.name, "storage");
    storage.desk.pid.store(43);
    storage.desk.incarnation.store(2);
    storage.desk.state.store(static_cast<uint32_t>(WorkerState::spawned));
    storage.desk.restarts.store(1);
    storage.own.state.store(static_cast<uint32_t>(WorkerState::running));
    storage.own.incarnation.store(2);
    storage.own.messages.store(70);
    storage.sleep.asleep.store(1);
    auto* cursor = find_cursor(storage, "market.0");
    cursor->position.store(69);
    cursor->lost.store(5);
    auto& logger = page.processes[1];
    std::snprintf(logger.desk.name, sizeof logger.desk.name, "logger");
    logger.desk.state.store(static_cast<uint32_t>(WorkerState::failed));
}

void fill_book(BookPage& page) {
    page.add("BTCUSDT");
    page.add("ETHUSDT");
    page.entries[0].state.store(3);
    page.entries[0].store({7, 6'183'763'000'000, 378'826'000, 6'183'764'000'000, 154'698'000, 1});
}

void fill_metrics(MetricsPage& page) {
    MetricsWriter writer(page);
    const auto rows = writer.add(MetricKind::counter, "rows_total", "table=\"trades\"", "", "rows written");
    const auto depth = writer.add(MetricKind::gauge, "depth", "", "", "a gauge");
    const auto latency = writer.add(MetricKind::histogram, "latency_ns", "", "ns", "a histogram");
    writer.count(rows, 41);
    writer.set(depth, static_cast<uint64_t>(int64_t{-7}));
    writer.record(latency, 500);
    writer.record(latency, 500);
    writer.publish(1, 0);
}

void fill_breakers(BreakerPage& page) {
    auto& record = *page.add("rest");
    Breaker breaker(record, {.failures_max = 1});
    record.last_failure.store("no answer");
    record.last_correlation.store(correlation.value);
    breaker.fail(breaker.allow([] { return int64_t{0}; }), 0, 0.5);
}

void fill_governor(GovernorPage& page) {
    VenueBudget budget(*page.claim("binance"), {});
    constexpr Moment third_minute{1, 3 * 60'000'000'000};
    budget.take(250, true, third_minute);
    budget.take_connection(1);
    budget.shut(429, 2);
}

}  // namespace

int main() {
    // File-backed shared memory is not in a core unless this says so (core(5)).
    const int filter = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
    if (filter < 0 || write(filter, "0x3b", 4) != 4) return 1;
    const auto market = make("market.0", SegmentKind::broadcast, "", 64, ChannelKind::market);
    const auto command = make("command.storage", SegmentKind::queue, "", 64, ChannelKind::command);
    const auto control = make("control", SegmentKind::page, "control", 0, ChannelKind::control);
    const auto book = make("book.0", SegmentKind::page, "book", 0, ChannelKind::book);
    const auto metrics = make("metrics.storage", SegmentKind::page, "metrics", 0, ChannelKind::metrics);
    fill_market(market);
    fill_command(command);
    fill_control(control.page<ControlPage>());
    fill_book(book.page<BookPage>());
    fill_metrics(metrics.page<MetricsPage>());
    const auto breaker = make("breaker.binance", SegmentKind::page, "breaker", 0, ChannelKind::breaker);
    const auto error = make("error.storage", SegmentKind::page, "error", 0, ChannelKind::error);
    const auto governor = make("governor", SegmentKind::page, "governor", 0, ChannelKind::control);
    fill_breakers(breaker.page<BreakerPage>());
    error.page<ErrorPage>().note(7, 1'723'161'255'343'000'000, correlation.value, {});
    error.page<ErrorPage>().note(7, 1'723'161'256'343'000'000, correlation.value, {});
    fill_governor(governor.page<GovernorPage>());
    breaker_header = &breaker.header();
    error_header = &error.header();
    governor_header = &governor.header();
    breaker_page = &breaker.page<BreakerPage>();
    error_page = &error.page<ErrorPage>();
    governor_page = &governor.page<GovernorPage>();
    market_header = &market.header();
    command_header = &command.header();
    control_header = &control.header();
    book_header = &book.header();
    metrics_header = &metrics.header();
    market_lines = &market.lines();
    control_page = &control.page<ControlPage>();
    book_page = &book.page<BookPage>();
    metrics_page = &metrics.page<MetricsPage>();
    subject_ready();
}
