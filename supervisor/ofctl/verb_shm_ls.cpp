// ofctl shm ls: every segment of an instance, a line each.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "shm/commit_word.hpp"
#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/mappings.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/ring_rate.hpp"
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
    std::optional<uint64_t> lag;       ///< of the reader that is furthest behind; nothing where none is known
    std::optional<uint64_t> attached;  ///< processes that have it mapped; nothing for copies
};

/// What the control page and the kernel say of the readers, as far as there are such.
class Readers {
  public:
    /// To ask the kernel means to go through all processes: only where it is told.
    Readers(const Source& source, bool tells_attached) : view_(View::open(source)) {
        if (tells_attached && !source.copied()) mapped_ = mapped_by_others();
    }
    void add_to(Row& row, const std::string& channel, const std::string& path) const {
        if (row.header.kind != shm::SegmentKind::page) row.lag = lag_of(channel);
        if (!mapped_) return;
        const auto found = mapped_->find(std::filesystem::path(path).filename().string());
        row.attached = found == mapped_->end() ? 0 : found->second;
    }

  private:
    std::optional<uint64_t> lag_of(const std::string& channel) const {
        if (!view_) return {};
        auto segment = view_->segment(channel);
        if (!segment) return {};
        RingRate ring(channel, std::move(*segment));
        ring.sample(*view_);
        const auto& readers = ring.now().readers;
        const auto last = std::ranges::max_element(readers, {}, &ReaderSample::lag);
        return last == readers.end() ? std::optional<uint64_t>() : last->lag;
    }

    Expected<View> view_;
    std::optional<std::map<std::string, size_t>> mapped_;
};

std::string known_count(const std::optional<uint64_t>& count) { return count ? count_text(*count) : "-"; }

void add_known(Json& json, std::string_view name, const std::optional<uint64_t>& count) {
    json.key(name);
    count ? json.value(*count) : json.null();
}

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
    struct stat status{};
    return stat(path.c_str(), &status) == 0 ? fmt::format("{:04o}", status.st_mode & 0777) : "?";
}

void add_json(Json& json, const std::string& channel, const std::string& path, const Row& row) {
    const auto& header = row.header;
    json.open_row(channel)
        .field("name", std::string_view(channel))
        .field("kind", name_of(static_cast<Transport>(header.kind)));
    json.field("slots", header.slots).field("slot_bytes", header.slot_bytes).field("bytes", header.total_bytes);
    json.field("written", row.written).field("waiting", row.waiting).field("refused", row.refused);
    add_known(json, "lag", row.lag);
    add_known(json, "attached", row.attached);
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
               known_count(row.lag),
               {count_text(row.refused), row.refused == 0 ? Tone::plain : Tone::bad}});
}

/// The wide form: whose it is, and of which layout.
void add_wide_line(Table& table, const std::string& channel, const std::string& path, const Row& row) {
    const auto& header = row.header;
    table.add({channel, std::string(name_of(static_cast<Transport>(header.kind))), bytes_text(header.total_bytes),
               known_count(row.attached), used_text(row), known_count(row.lag),
               fmt::format("{:016x}", header.layout_hash), fmt::format("{:016x}", header.generation),
               maker_text(header), mode_text(path)});
}

Table wide_table() {
    using enum Table::Align;
    return Table({{"SEGMENT"},
                  {"KIND"},
                  {"SIZE", right},
                  {"ATTACHED", right},
                  {"USED%", right},
                  {"LAG", right},
                  {"LAYOUT"},
                  {"GENERATION"},
                  {"OWNER"},
                  {"MODE"}});
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
                 {"LAG", right},
                 {"REFUSED", right}});
    auto wide = wide_table();
    const Readers readers(source, options.wide || options.json);
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
        Row row(*segment);
        readers.add_to(row, channel, path);
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
