// ofctl shm ls: every segment of an instance, a line each.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "shm/commit_word.hpp"
#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {
namespace {

/// What one segment's header and ring words say.
struct Row {
    explicit Row(const shm::Segment& segment) : header(segment.header()) {
        if (header.kind == shm::SegmentKind::page) return;
        const auto& lines = segment.lines();
        written = shm::ring_tail(segment);
        refused = lines.refused.load(std::memory_order_relaxed);
        if (header.kind != shm::SegmentKind::queue) return;
        const auto head = lines.head.load(std::memory_order_acquire);
        waiting = written > head ? written - head : 0;
    }
    const shm::SegmentHeader& header;
    uint64_t written = 0;
    uint64_t waiting = 0;
    uint64_t refused = 0;
};

/// Of a queue what waits for its reader; of a broadcast ring what has been written of it, up to all.
std::string used_text(const Row& row) {
    if (row.header.kind == shm::SegmentKind::page || row.header.slots == 0) return "-";
    const auto used = row.header.kind == shm::SegmentKind::queue ? row.waiting : row.written;
    const auto share = std::min(used, row.header.slots) * 100 / row.header.slots;
    return std::to_string(share);
}

std::string maker_text(const shm::SegmentHeader& header) {
    return fmt::format("{}{}", header.creator_pid, shm::creator_lives(header) ? "" : " (gone)");
}

std::string mode_text(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 ? fmt::format("{:04o}", status.st_mode & 0777) : "?";
}

void add_json(Json& json, const std::string& channel, const std::string& path, const Row& row) {
    const auto& header = row.header;
    json.open_row(channel)
        .field("name", std::string_view(channel))
        .field("kind", name_of(static_cast<Transport>(header.kind)));
    json.field("slots", header.slots).field("slot_bytes", header.slot_bytes).field("bytes", header.total_bytes);
    json.field("written", row.written).field("waiting", row.waiting).field("refused", row.refused);
    json.field("creator_pid", header.creator_pid).field("creator_alive", shm::creator_lives(header));
    json.field("generation", std::string_view(fmt::format("{:016x}", header.generation)));
    json.field("layout", std::string_view(fmt::format("{:016x}", header.layout_hash)))
        .field("mode", std::string_view(mode_text(path)))
        .close_row();
}

void add_line(Table& table, const std::string& channel, const Row& row) {
    const auto& header = row.header;
    const std::string kind(name_of(static_cast<Transport>(header.kind)));
    if (header.kind == shm::SegmentKind::page)
        return table.add({channel, kind, "-", bytes_text(header.total_bytes), "-", "-", "-"});
    table.add({channel,
               kind,
               fmt::format("{}", header.slots),
               bytes_text(header.total_bytes),
               count_text(row.written),
               header.kind == shm::SegmentKind::queue ? count_text(row.waiting) : "-",
               {count_text(row.refused), row.refused == 0 ? Tone::plain : Tone::bad}});
}

/// The wide form: whose it is, and of which layout.
void add_wide_line(Table& table, const std::string& channel, const std::string& path, const Row& row) {
    const auto& header = row.header;
    table.add({channel, std::string(name_of(static_cast<Transport>(header.kind))), bytes_text(header.total_bytes),
               used_text(row), fmt::format("{:016x}", header.layout_hash), fmt::format("{:016x}", header.generation),
               maker_text(header), mode_text(path)});
}

Table wide_table() {
    using enum Table::Align;
    return Table(
        {{"SEGMENT"}, {"KIND"}, {"SIZE", right}, {"USED%", right}, {"LAYOUT"}, {"GENERATION"}, {"OWNER"}, {"MODE"}});
}

Expected<std::vector<std::string>> channels_of(const Source& source) {
    auto channels = channels_in(source);
    if (channels.empty())
        return fail(ErrorKind::missing,
                    fmt::format("instance {} has no segments in {}", source.instance, source.folder));
    return channels;
}

/// "42 segments, 21.3M, made by pid 4103", of which the last part says who made the control page.
std::string summary(const Source& source, size_t segments, uint64_t bytes) {
    const auto control = shm::Segment::inspect(fmt::format("{}/{}.control", source.folder, source.instance));
    const auto maker = !control ? std::string("by nobody who is known")
                                : fmt::format("by pid {}{}", control->header().creator_pid,
                                              shm::creator_lives(control->header()) ? "" : " (gone)");
    return fmt::format("instance {}: {} segments, {} in all, made {}", source.instance, segments, bytes_text(bytes),
                       maker);
}

}  // namespace

int shm_ls(const Options& options) {
    const auto& source = options.source;
    const auto channels = channels_of(source);
    if (!channels) return refuse(options, channels.error());
    using enum Table::Align;
    Table table({{"SEGMENT"},
                 {"KIND"},
                 {"SLOTS", right},
                 {"SIZE", right},
                 {"WRITTEN", right},
                 {"WAIT", right},
                 {"REFUSED", right}});
    auto wide = wide_table();
    Json json;
    json.open_document("segments").field("instance", std::string_view(source.instance)).open_rows("segments");
    int result = code(ExitCode::ok);
    uint64_t bytes = 0;
    std::vector<std::string> problems;
    for (const auto& channel : *channels) {
        const auto path = path_of(source, channel);
        const auto segment = shm::Segment::inspect(path);
        if (!segment) {
            result = std::max(
                result, code(segment.error().kind == ErrorKind::mismatch ? ExitCode::mismatch : ExitCode::corrupt));
            problems.push_back(segment.error().message);
            json.open_row(channel)
                .field("name", std::string_view(channel))
                .field("error", std::string_view(segment.error().message))
                .close_row();
            continue;
        }
        const Row row(*segment);
        bytes += row.header.total_bytes;
        add_json(json, channel, path, row);
        options.wide ? add_wide_line(wide, channel, path, row) : add_line(table, channel, row);
    }
    if (options.json) {
        put_json(options, json.close_array().close_object());
        return result;
    }
    put_line(summary(source, channels->size(), bytes));
    (options.wide ? wide : table).print(options.headers);
    flush_output();
    for (const auto& problem : problems) complain(problem);
    return result;
}

}  // namespace of::ofctl
