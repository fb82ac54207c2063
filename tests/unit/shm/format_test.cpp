// shm/FORMAT.md against the code: each section "### `Struct`, N bytes" with a table of offset, field and type, and each
// struct that lies in a segment, field by field, in both directions.
//
// A new struct is a row of `structs`, its fields an array of rows above it, and its section in the page.
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "proto/message.hpp"
#include "shm/black_box.hpp"
#include "shm/book_page.hpp"
#include "shm/breaker_page.hpp"
#include "shm/control_page.hpp"
#include "shm/error_page.hpp"
#include "shm/governor_page.hpp"
#include "shm/metrics_page.hpp"

using namespace of;
using namespace of::shm;

namespace {

struct FormatRow {
    std::string_view field;
    size_t offset;
    size_t bytes;
    std::string_view type;
};
struct Struct {
    std::string_view name;
    size_t bytes;
    std::span<const FormatRow> rows;
};

#define ROW(field, type) \
    FormatRow { #field, offsetof(S, field), sizeof(S::field), type }
template <typename T>
struct Rows;

template <>
struct Rows<SegmentHeader> {
    using S = SegmentHeader;
    static constexpr FormatRow rows[] = {
        ROW(magic, "u64"),        ROW(version, "u32"),       ROW(kind, "u32"),         ROW(layout_hash, "u64"),
        ROW(total_bytes, "u64"),  ROW(slots, "u64"),         ROW(slot_bytes, "u32"),   ROW(schema_bytes, "u32"),
        ROW(generation, "u64"),   ROW(created_ns, "i64"),    ROW(creator_pid, "u64"),  ROW(creator_start, "u64"),
        ROW(boot_id, "text[48]"), ROW(instance, "text[64]"), ROW(channel, "text[64]"), ROW(checksum, "u64"),
        ROW(reserved, "bytes[632]"), ROW(state, "u32")};
};
template <>
struct Rows<RingLines> {
    using S = RingLines;
    static constexpr FormatRow rows[] = {ROW(tail, "u64"),           ROW(refused, "u64"), ROW(wakes, "u64"),
                                         ROW(recoveries, "u64"),     ROW(writers, "u64"), ROW(head, "u64"),
                                         ROW(reserved, "bytes[768]")};
};
template <>
struct Rows<Header> {
    using S = Header;
    static constexpr FormatRow rows[] = {ROW(type, "u16"),      ROW(origin, "u8"), ROW(flags, "u8"),
                                         ROW(symbol, "u16"),    ROW(count, "u16"), ROW(correlation, "u64"),
                                         ROW(publish_ns, "u64")};
};
template <>
struct Rows<ControlPage> {
    using S = ControlPage;
    static constexpr FormatRow rows[] = {ROW(instance, "InstanceLine"), ROW(reserved, "bytes[1536]"),
                                         ROW(processes, "ProcessSlot[16]")};
};
template <>
struct Rows<InstanceLine> {
    using S = InstanceLine;
    static constexpr FormatRow rows[] = {
        ROW(supervisor_pid, "u64"),  ROW(supervisor_start, "u64"),  ROW(processes, "u32"),
        ROW(fence, "u32"),           ROW(stopping, "u32"),          ROW(takeovers, "u32"),
        ROW(started_wall_ns, "i64"), ROW(config_path, "text[200]"), ROW(state_dir, "text[200]"),
        ROW(governor, "text[48]"),   ROW(config_generation, "u32"), ROW(upgrades, "u32"),
        ROW(remade, "u32"),          ROW(hook_failures, "u32"),     ROW(clock_steps, "u32"),
        ROW(reserved, "bytes[4]")};
};
template <>
struct Rows<ProcessSlot> {
    using S = ProcessSlot;
    static constexpr FormatRow rows[] = {ROW(desk, "DeskLine"), ROW(own, "OwnLine"), ROW(sleep, "SleepLine"),
                                         ROW(cursors, "Cursor[16]"), ROW(reserved, "bytes[640]")};
};
template <>
struct Rows<DeskLine> {
    using S = DeskLine;
    static constexpr FormatRow rows[] = {
        ROW(name, "text[24]"),      ROW(pid, "u64"),           ROW(start_time, "u64"),
        ROW(incarnation, "u32"),    ROW(state, "u32"),         ROW(restarts, "u64"),
        ROW(spawn_ns, "i64"),       ROW(next_start_ns, "i64"), ROW(last_exit_wall_ns, "i64"),
        ROW(last_exit_code, "i32"), ROW(last_signal, "i32"),   ROW(failures, "u64"),
        ROW(paused, "u32"),         ROW(last_cause, "u32"),    ROW(reserved, "bytes[24]")};
};
template <>
struct Rows<OwnLine> {
    using S = OwnLine;
    static constexpr FormatRow rows[] = {
        ROW(state, "u32"),    ROW(incarnation, "u32"), ROW(ready_ns, "i64"),          ROW(heartbeat_ns, "i64"),
        ROW(turns, "u64"),    ROW(messages, "u64"),    ROW(longest_turn_ns, "i64"),   ROW(refused, "u64"),
        ROW(overruns, "u64"), ROW(life, "u32"),        ROW(config_generation, "u32"), ROW(reserved, "bytes[56]")};
};
template <>
struct Rows<SleepLine> {
    using S = SleepLine;
    static constexpr FormatRow rows[] = {ROW(asleep, "u32"), ROW(wake_fill, "u32"), ROW(reserved, "bytes[120]")};
};
template <>
struct Rows<Cursor> {
    using S = Cursor;
    static constexpr FormatRow rows[] = {ROW(channel, "text[32]"), ROW(generation, "u64"), ROW(position, "u64"),
                                         ROW(lost, "u64"), ROW(reserved, "bytes[8]")};
};
template <>
struct Rows<BookPage> {
    using S = BookPage;
    static constexpr FormatRow rows[] = {ROW(symbols, "u32"), ROW(reserved, "bytes[124]"),
                                         ROW(entries, "BookEntry[512]")};
};
template <>
struct Rows<BookEntry> {
    using S = BookEntry;
    static constexpr FormatRow rows[] = {ROW(name, "text[32]"), ROW(sequence, "u32"),      ROW(state, "u32"),
                                         ROW(quote, "Quote"),   ROW(resets, "u64"),        ROW(trade_id, "i64"),
                                         ROW(agg_id, "i64"),    ROW(reserved, "bytes[16]")};
};
template <>
struct Rows<Quote> {
    using S = Quote;
    static constexpr FormatRow rows[] = {ROW(update_id, "i64"), ROW(bid_price, "i64"),    ROW(bid_quantity, "i64"),
                                         ROW(ask_price, "i64"), ROW(ask_quantity, "i64"), ROW(receive_ns, "i64")};
};
template <>
struct Rows<MetricsPage> {
    using S = MetricsPage;
    static constexpr FormatRow rows[] = {ROW(batch, "u64"), ROW(entries_used, "u32"), ROW(reserved, "bytes[116]"),
                                         ROW(entries, "MetricEntry[96]"), ROW(banks, "MetricsBank[2]")};
};
template <>
struct Rows<MetricsBank> {
    using S = MetricsBank;
    static constexpr FormatRow rows[] = {ROW(publish_ns, "u64"), ROW(correlation, "u64"), ROW(updates, "u64"),
                                         ROW(reserved, "bytes[104]"), ROW(words, "u64[32768]")};
};
template <>
struct Rows<BreakerPage> {
    using S = BreakerPage;
    static constexpr FormatRow rows[] = {ROW(used, "u32"), ROW(reserved, "bytes[124]"),
                                         ROW(records, "BreakerRecord[16]")};
};
template <>
struct Rows<BreakerRecord> {
    using S = BreakerRecord;
    static constexpr FormatRow rows[] = {ROW(name, "text[32]"),
                                         ROW(state, "u32"),
                                         ROW(generation, "u32"),
                                         ROW(since_ns, "i64"),
                                         ROW(retry_ns, "i64"),
                                         ROW(forced_until_ns, "i64"),
                                         ROW(trips_in_row, "u32"),
                                         ROW(probes_succeeded, "u32"),
                                         ROW(failures_at, "u64"),
                                         ROW(allowed, "u64"),
                                         ROW(refused, "u64"),
                                         ROW(succeeded, "u64"),
                                         ROW(failed, "u64"),
                                         ROW(ignored, "u64"),
                                         ROW(late, "u64"),
                                         ROW(trips, "u64"),
                                         ROW(leases_lost, "u64"),
                                         ROW(lease_ids, "u64"),
                                         ROW(leases, "BreakerLease[8]"),
                                         ROW(failure_ns, "i64[32]"),
                                         ROW(buckets, "BreakerBucket[10]"),
                                         ROW(window_ns, "i64"),
                                         ROW(open_ns, "i64"),
                                         ROW(open_max_ns, "i64"),
                                         ROW(failures_max, "u32"),
                                         ROW(rate_percent, "u32"),
                                         ROW(calls_min, "u32"),
                                         ROW(probes, "u32"),
                                         ROW(lock, "u32"),
                                         ROW(reserved, "u32"),
                                         ROW(last_failure_wall_ns, "i64"),
                                         ROW(last_correlation, "u64"),
                                         ROW(last_failure, "text[64]"),
                                         ROW(reason, "text[64]"),
                                         ROW(last_command, "u64"),
                                         ROW(padding, "bytes[48]")};
};
template <>
struct Rows<BreakerLease> {
    using S = BreakerLease;
    static constexpr FormatRow rows[] = {ROW(id, "u64"), ROW(until_ns, "i64")};
};
template <>
struct Rows<BreakerBucket> {
    using S = BreakerBucket;
    static constexpr FormatRow rows[] = {ROW(epoch, "i64"), ROW(calls, "u64"), ROW(failures, "u64")};
};
template <>
struct Rows<ErrorPage> {
    using S = ErrorPage;
    static constexpr FormatRow rows[] = {ROW(evicted, "u64"), ROW(reserved, "bytes[120]"),
                                         ROW(records, "ErrorRecord[64]")};
};
template <>
struct Rows<ErrorRecord> {
    using S = ErrorRecord;
    static constexpr FormatRow rows[] = {ROW(lock, "u32"),
                                         ROW(reserved, "u32"),
                                         ROW(key, "u64"),
                                         ROW(count, "u64"),
                                         ROW(first_wall_ns, "i64"),
                                         ROW(last_wall_ns, "i64"),
                                         ROW(last_correlation, "u64"),
                                         ROW(content, "u64[31]"),
                                         ROW(padding, "bytes[88]")};
};
template <>
struct Rows<GovernorPage> {
    using S = GovernorPage;
    static constexpr FormatRow rows[] = {ROW(venues, "VenueRecord[16]")};
};
template <>
struct Rows<VenueRecord> {
    using S = VenueRecord;
    static constexpr FormatRow rows[] = {
        ROW(key, "u64"),         ROW(spent, "u64"),       ROW(shut_until_ns, "i64"), ROW(connections_ns, "i64"),
        ROW(shut_status, "u32"), ROW(reserved, "u32"),    ROW(granted, "u64"),       ROW(weight, "u64"),
        ROW(limited, "u64"),     ROW(connections, "u64"), ROW(name, "text[64]"),     ROW(padding, "bytes[112]")};
};
template <>
struct Rows<MetricEntry> {
    using S = MetricEntry;
    static constexpr FormatRow rows[] = {ROW(name, "text[56]"), ROW(labels, "text[56]"), ROW(help, "text[120]"),
                                         ROW(unit, "text[12]"), ROW(kind, "u32"),        ROW(offset, "u32"),
                                         ROW(reserved, "u32")};
};

template <>
struct Rows<BlackBox> {
    using S = BlackBox;
    static constexpr FormatRow rows[] = {ROW(magic, "u64"),  ROW(state, "u32"),       ROW(signal, "i32"),
                                         ROW(code, "i32"),   ROW(system_call, "i32"), ROW(address, "u64"),
                                         ROW(thread, "u64"), ROW(stack_from, "u64"),  ROW(registers, "u64[17]")};
};

#define STRUCT(name) \
    Struct { #name, sizeof(name), Rows<name>::rows }
constexpr Struct structs[] = {
    STRUCT(SegmentHeader), STRUCT(RingLines),   STRUCT(Header),        STRUCT(ControlPage),  STRUCT(InstanceLine),
    STRUCT(ProcessSlot),   STRUCT(DeskLine),    STRUCT(OwnLine),       STRUCT(SleepLine),    STRUCT(Cursor),
    STRUCT(BookPage),      STRUCT(BookEntry),   STRUCT(Quote),         STRUCT(MetricsPage),  STRUCT(MetricEntry),
    STRUCT(MetricsBank),   STRUCT(BreakerPage), STRUCT(BreakerRecord), STRUCT(BreakerLease), STRUCT(BreakerBucket),
    STRUCT(ErrorPage),     STRUCT(ErrorRecord), STRUCT(GovernorPage),  STRUCT(VenueRecord),  STRUCT(BlackBox)};

/// The bytes of "u64", "text[24]", "Cursor[16]"; 0 for a type that is none.
size_t bytes_of_type(std::string_view type) {
    const auto bracket = std::min(type.find('['), type.size());
    const auto base = type.substr(0, bracket);
    size_t count = 1;
    if (bracket != type.size()) count = std::stoul(std::string(type.substr(bracket + 1)));
    static const std::map<std::string_view, size_t> plain{{"u8", 1},  {"u16", 2}, {"u32", 4},  {"i32", 4},
                                                          {"u64", 8}, {"i64", 8}, {"text", 1}, {"bytes", 1}};
    if (const auto found = plain.find(base); found != plain.end()) return found->second * count;
    for (const auto& known : structs) {
        if (known.name == base) return known.bytes * count;
    }
    return 0;
}

/// One line for each size and field, as the page and the code are compared: "Cursor 32 generation u64".
using Lines = std::vector<std::string>;

Lines lines_of(const Struct& known) {
    Lines lines{std::string(known.name) + " " + std::to_string(known.bytes)};
    for (const auto& row : known.rows)
        lines.push_back(std::string(known.name) + " " + std::to_string(row.offset) + " " + std::string(row.field) +
                        " " + std::string(row.type));
    return lines;
}

/// The text between the n-th pair of marks.
std::string between(const std::string& line, char mark, size_t n = 0) {
    size_t from = line.find(mark);
    for (size_t i = 0; i < n && from != std::string::npos; ++i) from = line.find(mark, from + 1);
    const auto to = from == std::string::npos ? from : line.find(mark, from + 1);
    if (to == std::string::npos) return "";
    auto text = line.substr(from + 1, to - from - 1);
    std::erase_if(text, [](char c) { return c == '`' || c == ' '; });
    return text;
}

/// The tables of the page, by the struct of their section.
std::map<std::string, Lines> read_page(std::istream& page) {
    std::map<std::string, Lines> found;
    std::string name;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with("#")) name.clear();
        if (line.starts_with("### `")) {
            name = between(line, '`');
            REQUIRE(found.count(name) == 0);
            found[name].push_back(name + " " + std::to_string(std::stoul(line.substr(line.find(", ") + 2))));
        }
        if (name.empty() || !line.starts_with("| ") || line.starts_with("| offset")) continue;
        found[name].push_back(name + " " + between(line, '|') + " " + between(line, '|', 1) + " " +
                              between(line, '|', 2));
    }
    return found;
}

}  // namespace

TEST_CASE("the format page and the code agree on every field of every segment") {
    const char* path = std::getenv("OF_FORMAT_PAGE");
    REQUIRE(path != nullptr);  // shm/FORMAT.md; meson test sets it
    std::ifstream file(path);
    REQUIRE(file.good());
    auto page = read_page(file);
    for (const auto& known : structs) {
        INFO("section of " << known.name);
        REQUIRE(page[std::string(known.name)] == lines_of(known));
        page.erase(std::string(known.name));
    }
    for (const auto& [name, lines] : page) {
        INFO("the page has a section of " << name << ", which the test does not know");
        REQUIRE(lines.empty());
    }
}

TEST_CASE("the fields of each struct fill it, and have the size of their type") {
    for (const auto& known : structs) {
        size_t end = 0;
        for (const auto& row : known.rows) {
            INFO(known.name << " " << row.field << " at " << row.offset);
            REQUIRE(bytes_of_type(row.type) == row.bytes);
            const bool next_line = row.offset % line_bytes == 0 && row.offset - end < line_bytes;
            REQUIRE((row.offset == end || next_line));
            end = row.offset + row.bytes;
        }
        INFO(known.name);
        REQUIRE(known.bytes - end < line_bytes);
    }
}

TEST_CASE("a page that differs from the code is seen to differ") {
    const auto cursor = structs[9];
    REQUIRE(cursor.name == "Cursor");
    const std::string good =
        "### `Cursor`, 64 bytes\n\n| offset | field | type | meaning |\n|---|---|---|---|\n| 0 | `channel` | text[32] "
        "| |\n| 32 | `generation` | u64 | |\n| 40 | `position` | u64 | next |\n| 48 | `lost` | u64 | |\n| 56 | "
        "`reserved` | bytes[8] | 0 |\n";
    const auto read = [](const std::string& text) {
        std::istringstream stream(text);
        return read_page(stream)["Cursor"];
    };
    REQUIRE(read(good) == lines_of(cursor));
    for (const auto& [from, to] : {std::pair("64 bytes", "63 bytes"), std::pair("| 40 |", "| 48 |"),
                                   std::pair("`lost`", "`losses`"), std::pair("text[32]", "text[24]")}) {
        auto bad = good;
        bad.replace(bad.find(from), std::string_view(from).size(), to);
        REQUIRE(read(bad) != lines_of(cursor));
    }
}
