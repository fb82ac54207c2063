// The check of each page, a function for each kind, and of the control page's cursors against their rings.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "shm/book_page.hpp"
#include "shm/breaker_page.hpp"
#include "shm/commit_word.hpp"
#include "shm/doorbell.hpp"
#include "shm/error_page.hpp"
#include "shm/governor_page.hpp"
#include "shm/metrics_page.hpp"
#include "shm/verify.hpp"

namespace of::shm {
namespace {

uint64_t file_offset(uint64_t in_body) { return body_offset + in_body; }
uint64_t process_offset(size_t index) {
    return file_offset(offsetof(ControlPage, processes) + index * sizeof(ProcessSlot));
}
uint64_t cursor_offset(size_t process, size_t cursor) {
    return process_offset(process) + offsetof(ProcessSlot, cursors) + cursor * sizeof(Cursor);
}

/// A word that is 0 or 1.
void verify_truth(Findings& findings, uint64_t offset, std::string_view what, const std::atomic<uint32_t>& word) {
    const auto value = word.load(std::memory_order_relaxed);
    if (value > 1) findings.add(offset, what, value, "0 or 1");
}

void verify_cursor_names(Findings& findings, const ProcessSlot& slot, size_t process) {
    std::set<std::string_view> seen;
    bool ended = false;
    for (size_t i = 0; i < cursors_max; ++i) {
        const auto& cursor = slot.cursors[i];
        const auto offset = cursor_offset(process, i);
        const auto name = text_of(cursor.channel);
        verify_text(findings, offset, {cursor.channel, sizeof cursor.channel}, "channel of a cursor");
        if (name.empty()) {
            ended = true;
            if (cursor.position.load(std::memory_order_relaxed) != 0)
                findings.add(offset, "channel of a cursor", "empty", "the channel that its position is of");
            continue;
        }
        if (ended) findings.add(offset, "channel of a cursor", std::string(name), "empty, as the cursor before it");
        if (!seen.insert(name).second) findings.add(offset, "channel of a cursor", std::string(name), "named once");
    }
}

void verify_process(Findings& findings, const Segment& segment, const ProcessSlot& slot, size_t index) {
    const auto offset = process_offset(index);
    const auto& desk = slot.desk;
    const auto name = text_of(desk.name);
    verify_text(findings, offset, {desk.name, sizeof desk.name}, "name of a process");
    if (name.empty()) findings.add(offset, "name of a process", "empty", "a name: the slot is in use");
    const auto pid = desk.pid.load(std::memory_order_acquire);
    if (pid > INT32_MAX) findings.add(offset + offsetof(DeskLine, pid), fmt::format("pid of {}", name), pid, "a pid");
    const auto own = slot.own.incarnation.load(std::memory_order_acquire);
    const auto wanted = desk.incarnation.load(std::memory_order_acquire);
    if (own > wanted)
        findings.add(offset + offsetof(ProcessSlot, own) + offsetof(OwnLine, incarnation),
                     fmt::format("incarnation of {}", name), own, fmt::format("at most {}", wanted));
    const auto exit_code = desk.last_exit_code.load(std::memory_order_relaxed);
    if (exit_code < -1 || exit_code > 255)
        findings.add(offset + offsetof(DeskLine, last_exit_code), fmt::format("last exit code of {}", name),
                     std::to_string(exit_code), "-1 to 255");
    verify_truth(findings, offset + offsetof(DeskLine, paused), fmt::format("paused of {}", name), desk.paused);
    const auto cause = desk.last_cause.load(std::memory_order_relaxed);
    if (cause > last_cause_max)
        findings.add(offset + offsetof(DeskLine, last_cause), fmt::format("last cause of {}", name), cause,
                     fmt::format("at most {}", last_cause_max));
    const auto asleep = slot.sleep.asleep.load(std::memory_order_relaxed);
    if (asleep > sleep_until_first && asleep % 2 != 0)
        findings.add(offset + offsetof(ProcessSlot, sleep), fmt::format("asleep of {}", name), asleep,
                     "0, 1, or the even number of a nap");
    const struct {
        size_t offset;
        size_t size;
    } unused[] = {{offsetof(DeskLine, reserved), sizeof desk.reserved},
                  {offsetof(ProcessSlot, own) + offsetof(OwnLine, reserved), sizeof slot.own.reserved},
                  {offsetof(ProcessSlot, sleep) + offsetof(SleepLine, reserved), sizeof slot.sleep.reserved},
                  {offsetof(ProcessSlot, reserved), sizeof slot.reserved}};
    for (const auto& piece : unused)
        verify_zero(findings, segment, offset + piece.offset, piece.size, fmt::format("reserved bytes of {}", name));
    verify_cursor_names(findings, slot, index);
}

void verify_control(const Segment& segment, Findings& findings) {
    const auto& page = segment.page<ControlPage>();
    const auto& line = page.instance;
    const auto at = [](size_t in_line) { return file_offset(in_line); };
    const auto processes = line.processes.load(std::memory_order_acquire);
    if (processes > processes_max)
        findings.add(at(offsetof(InstanceLine, processes)), "processes", processes,
                     fmt::format("at most {}", processes_max));
    verify_truth(findings, at(offsetof(InstanceLine, fence)), "fence", line.fence);
    verify_truth(findings, at(offsetof(InstanceLine, stopping)), "stopping", line.stopping);
    verify_text(findings, at(offsetof(InstanceLine, config_path)), {line.config_path, sizeof line.config_path},
                "config_path");
    verify_text(findings, at(offsetof(InstanceLine, state_dir)), {line.state_dir, sizeof line.state_dir}, "state_dir");
    verify_text(findings, at(offsetof(InstanceLine, governor)), {line.governor, sizeof line.governor}, "governor");
    const auto line_end = offsetof(InstanceLine, reserved);
    verify_zero(findings, segment, at(line_end), offsetof(ControlPage, processes) - line_end,
                "reserved bytes of the control page");
    const size_t used = std::min<size_t>(processes, processes_max);
    std::set<std::string_view> names;
    for (size_t i = 0; i < used; ++i) {
        verify_process(findings, segment, page.processes[i], i);
        if (!names.insert(text_of(page.processes[i].desk.name)).second)
            findings.add(process_offset(i), "name of a process", std::string(text_of(page.processes[i].desk.name)),
                         "named once");
    }
    // The page lives on under a supervisor with fewer processes, so unused slots may hold what was.
    if (line.takeovers.load(std::memory_order_relaxed) == 0)
        verify_zero(findings, segment, process_offset(used), (processes_max - used) * sizeof(ProcessSlot),
                    "process slots behind the last");
}

void verify_book_entry(Findings& findings, const BookEntry& entry, size_t index) {
    const auto offset = file_offset(offsetof(BookPage, entries) + index * sizeof(BookEntry));
    verify_text(findings, offset, {entry.name, sizeof entry.name}, fmt::format("name of symbol {}", index));
    if (entry.symbol().empty()) findings.add(offset, fmt::format("name of symbol {}", index), "empty", "a name");
    // Before the first quote the sequence word is 0; during it, odd.
    const bool any = std::ranges::any_of(entry.quote, [](const auto& word) { return word.load() != 0; });
    const auto sequence = entry.sequence.load(std::memory_order_acquire);
    if (sequence == 0 && any)
        findings.add(offset + offsetof(BookEntry, sequence), fmt::format("sequence of {}", entry.symbol()), 0,
                     "not 0: there is a quote");
    for (size_t i = 0; i < sizeof entry.reserved; ++i) {
        if (entry.reserved[i] == 0) continue;
        return findings.add(offset + offsetof(BookEntry, reserved) + i,
                            fmt::format("reserved bytes of symbol {}", index),
                            uint64_t{static_cast<unsigned char>(entry.reserved[i])}, "0");
    }
}

void verify_book(const Segment& segment, Findings& findings) {
    const auto& page = segment.page<BookPage>();
    const auto symbols = page.symbols.load(std::memory_order_acquire);
    if (symbols > symbols_max) findings.add(file_offset(0), "symbols", symbols, fmt::format("at most {}", symbols_max));
    verify_zero(findings, segment, file_offset(sizeof page.symbols), offsetof(BookPage, entries) - sizeof page.symbols,
                "reserved bytes of the book page");
    const size_t used = std::min<size_t>(symbols, symbols_max);
    std::set<std::string_view> names;
    for (size_t i = 0; i < used; ++i) {
        verify_book_entry(findings, page.entries[i], i);
        if (!names.insert(page.entries[i].symbol()).second)
            findings.add(file_offset(offsetof(BookPage, entries) + i * sizeof(BookEntry)),
                         fmt::format("name of symbol {}", i), std::string(page.entries[i].symbol()), "named once");
    }
    // A writer names an entry before it counts it, so one more than counted may have a name.
    const auto behind = std::min(used + 1, symbols_max);
    verify_zero(findings, segment, file_offset(offsetof(BookPage, entries) + behind * sizeof(BookEntry)),
                (symbols_max - behind) * sizeof(BookEntry), "entries behind the last symbol");
}

/// The words of an entry in a bank; nothing for a kind that is none.
uint32_t words_in_bank(const MetricEntry& entry) {
    if (entry.kind == MetricKind::counter || entry.kind == MetricKind::gauge) return 1;
    return entry.kind == MetricKind::histogram ? HistogramLayout::words : 0;
}

/// Checks one entry; the offset at which the next one's words begin.
uint32_t verify_metric(Findings& findings, const MetricEntry& entry, size_t index, uint32_t expected_offset) {
    const auto offset = file_offset(offsetof(MetricsPage, entries) + index * sizeof(MetricEntry));
    const auto what = [&](std::string_view field) { return fmt::format("{} of metric {}", field, index); };
    verify_text(findings, offset, {entry.name, sizeof entry.name}, what("name"));
    verify_text(findings, offset + offsetof(MetricEntry, labels), {entry.labels, sizeof entry.labels}, what("labels"));
    verify_text(findings, offset + offsetof(MetricEntry, help), {entry.help, sizeof entry.help}, what("help"));
    verify_text(findings, offset + offsetof(MetricEntry, unit), {entry.unit, sizeof entry.unit}, what("unit"));
    if (text_of(entry.name).empty()) findings.add(offset, what("name"), "empty", "a name");
    const auto words = words_in_bank(entry);
    if (words == 0)
        findings.add(offset + offsetof(MetricEntry, kind), what("kind"), static_cast<uint32_t>(entry.kind), "1 to 3");
    if (entry.offset != expected_offset || words > metric_words_max - std::min<size_t>(entry.offset, metric_words_max))
        findings.add(offset + offsetof(MetricEntry, offset), what("offset"), entry.offset,
                     fmt::format("{}, behind the metric before it and within the bank", expected_offset));
    if (entry.reserved != 0)
        findings.add(offset + offsetof(MetricEntry, reserved), what("reserved"), entry.reserved, "0");
    return expected_offset + words;
}

/// Conservation within a histogram of a whole batch: what the buckets hold is what was counted.
void verify_histograms(Findings& findings, const MetricsPage& page) {
    const auto copied = snapshot(page);
    for (const auto& value : copied.values) {
        if (value.entry->kind != MetricKind::histogram) continue;
        uint64_t sum = 0;
        for (uint32_t i = 0; i < HistogramLayout::buckets; ++i) sum += value.words[i];
        if (sum == value.count()) continue;
        const auto bank = offsetof(MetricsPage, banks) + copied.batch % 2 * sizeof page.banks[0];
        const auto word = value.offset + uint64_t{HistogramLayout::buckets};
        findings.add(file_offset(bank + offsetof(MetricsBank, words) + word * sizeof(uint64_t)),
                     fmt::format("count of {}", text_of(value.entry->name)), value.count(),
                     fmt::format("{}, the sum of its buckets", sum));
    }
}

void verify_metrics(const Segment& segment, Findings& findings) {
    const auto& page = segment.page<MetricsPage>();
    const auto used = page.entries_used.load(std::memory_order_acquire);
    if (used > metrics_max)
        findings.add(file_offset(offsetof(MetricsPage, entries_used)), "entries_used", used,
                     fmt::format("at most {}", metrics_max));
    verify_zero(findings, segment, file_offset(offsetof(MetricsPage, reserved)), sizeof page.reserved,
                "reserved bytes of the metrics page");
    uint32_t offset = 0;
    std::set<std::pair<std::string_view, std::string_view>> names;
    for (size_t i = 0; i < std::min<size_t>(used, metrics_max); ++i) {
        const auto& entry = page.entries[i];
        offset = verify_metric(findings, entry, i, offset);
        if (!names.insert({text_of(entry.name), text_of(entry.labels)}).second)
            findings.add(file_offset(offsetof(MetricsPage, entries) + i * sizeof entry),
                         fmt::format("name of metric {}", i), std::string(text_of(entry.name)),
                         "one of its labels only");
    }
    const auto batch = page.batch.load(std::memory_order_acquire);
    const auto bank = offsetof(MetricsPage, banks) + batch % 2 * sizeof page.banks[0];
    if (batch != 0 && page.banks[batch % 2].publish_ns.load(std::memory_order_relaxed) == 0)
        findings.add(file_offset(bank + offsetof(MetricsBank, publish_ns)), "publish_ns", 0,
                     "a time: batches were published");
    verify_histograms(findings, page);
}

void verify_breaker(Findings& findings, const Segment& segment, const BreakerRecord& record, size_t index) {
    const auto offset = file_offset(offsetof(BreakerPage, records) + index * sizeof(BreakerRecord));
    verify_text(findings, offset, {record.name, sizeof record.name}, fmt::format("name of breaker {}", index));
    const auto name = text_of(record.name);
    if (name.empty()) findings.add(offset, fmt::format("name of breaker {}", index), "empty", "a name");
    const auto state = record.state.load(std::memory_order_relaxed);
    if (state > static_cast<uint32_t>(BreakerState::forced_closed))
        findings.add(offset + offsetof(BreakerRecord, state), fmt::format("state of {}", name), state, "0 to 4");
    const auto ids = record.lease_ids.load(std::memory_order_relaxed);
    for (size_t i = 0; i < breaker_leases_max; ++i) {
        const auto id = record.leases[i].id.load(std::memory_order_relaxed);
        if (id > ids)
            findings.add(offset + offsetof(BreakerRecord, leases) + i * sizeof(BreakerLease),
                         fmt::format("a lease of {}", name), id, fmt::format("at most {}, the newest", ids));
    }
    verify_zero(findings, segment, offset + offsetof(BreakerRecord, padding), sizeof record.padding,
                fmt::format("padding of {}", name));
}

void verify_breakers(const Segment& segment, Findings& findings) {
    const auto& page = segment.page<BreakerPage>();
    const auto used = page.used.load(std::memory_order_acquire);
    if (used > breakers_max) findings.add(file_offset(0), "used", used, fmt::format("at most {}", breakers_max));
    verify_zero(findings, segment, file_offset(offsetof(BreakerPage, reserved)), sizeof page.reserved,
                "reserved bytes of the breaker page");
    for (size_t i = 0; i < page.size(); ++i) verify_breaker(findings, segment, page.records[i], i);
}

void verify_errors(const Segment& segment, Findings& findings) {
    const auto& page = segment.page<ErrorPage>();
    verify_zero(findings, segment, file_offset(offsetof(ErrorPage, reserved)), sizeof page.reserved,
                "reserved bytes of the error page");
    for (size_t i = 0; i < errors_max; ++i) {
        const auto& record = page.records[i];
        const auto offset = file_offset(offsetof(ErrorPage, records) + i * sizeof(ErrorRecord));
        DistinctError error;
        if (page.read(i, error) && error.count != 0 && error.last_wall_ns <= 0)
            findings.add(offset + offsetof(ErrorRecord, last_wall_ns), fmt::format("time of error {}", i),
                         std::to_string(error.last_wall_ns), "a time: it was seen");
        verify_zero(findings, segment, offset + offsetof(ErrorRecord, padding), sizeof record.padding,
                    fmt::format("padding of error {}", i));
    }
}

void verify_governor(const Segment& segment, Findings& findings) {
    const auto& page = segment.page<GovernorPage>();
    bool ended = false;
    std::set<uint64_t> seen;
    for (size_t i = 0; i < venues_max; ++i) {
        const auto& venue = page.venues[i];
        const auto offset = file_offset(i * sizeof(VenueRecord));
        const auto key = venue.key.load(std::memory_order_acquire);
        const auto name = venue.name.load();
        if (key != 0 && ended) findings.add(offset, fmt::format("venue {}", i), key, "0: the record before it is free");
        if (key != 0 && !seen.insert(key).second) findings.add(offset, fmt::format("venue {}", i), key, "taken once");
        // Who takes a record names it next, and may have died between the two.
        if (!name.empty() && (fnv1a(name) | 1) != key)
            findings.add(offset, fmt::format("venue {}", i), key, fmt::format("the hash of its name, {}", name));
        ended = key == 0;
        verify_zero(findings, segment, offset + offsetof(VenueRecord, padding), sizeof venue.padding,
                    fmt::format("padding of venue {}", i));
    }
}

struct PageCheck {
    std::string_view page;
    void (*check)(const Segment& segment, Findings& findings);
};
constexpr PageCheck page_checks[] = {{"control", verify_control}, {"book", verify_book},
                                     {"metrics", verify_metrics}, {"breaker", verify_breakers},
                                     {"error", verify_errors},    {"governor", verify_governor}};

/// The position of one cursor in its ring. Conservation: published = read + lost + still in the ring to be read. Losses
/// add up over all rings of the name, so they are held against this ring only if it is the `first_rings`' one.
void verify_cursor(Findings& findings, const Cursor& cursor, uint64_t offset, const Segment& ring,
                   std::string_view process, bool first_rings) {
    if (cursor.generation.load(std::memory_order_acquire) != ring.header().generation) return;  // of a ring that was
    const auto lost = cursor.lost.load(std::memory_order_acquire);
    const auto position = cursor.position.load(std::memory_order_acquire);
    const auto published = ring_tail(ring);  // after the position, which therefore is not ahead of it
    const auto channel = text_of(ring.header().channel);
    if (position > published)
        findings.add(offset + offsetof(Cursor, position), fmt::format("position of {} in {}", process, channel),
                     position, fmt::format("at most {}, what was published", published));
    else if (first_rings && lost > position)
        findings.add(offset + offsetof(Cursor, lost), fmt::format("messages that {} lost in {}", process, channel),
                     lost, fmt::format("at most {}, what it has passed", position));
}

}  // namespace

void verify_page(const Segment& segment, Findings& findings) {
    const auto channel = text_of(segment.header().channel);
    const auto page = channel.substr(0, channel.find('.'));
    const auto* found = std::ranges::find(page_checks, page, &PageCheck::page);
    if (found != std::end(page_checks)) found->check(segment, findings);
}

Findings verify_cursors(const ControlPage& page, const std::function<const Segment*(std::string_view)>& ring_of) {
    Findings findings;
    const size_t used = std::min<size_t>(page.instance.processes.load(std::memory_order_acquire), processes_max);
    for (size_t i = 0; i < used; ++i) {
        const auto& slot = page.processes[i];
        for (size_t c = 0; c < cursors_max; ++c) {
            const auto channel = text_of(slot.cursors[c].channel);
            if (channel.empty()) break;
            const auto* ring = ring_of(channel);
            if (ring == nullptr || ring->header().kind != SegmentKind::broadcast) {
                findings.add(cursor_offset(i, c), "channel of a cursor", std::string(channel), "a ring that is there");
                continue;
            }
            verify_cursor(findings, slot.cursors[c], cursor_offset(i, c), *ring, text_of(slot.desk.name),
                          page.instance.takeovers.load(std::memory_order_relaxed) == 0 &&
                              page.instance.remade.load(std::memory_order_relaxed) == 0);
        }
    }
    return findings;
}

}  // namespace of::shm
