#include "supervisor/autopsy/log_tail.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "proto/log_catalog.hpp"
#include "proto/text.hpp"
#include "shm/broadcast.hpp"
#include "shm/commit_word.hpp"
#include "supervisor/autopsy/ring_cut.hpp"

namespace of::autopsy {

void LogTail::take(const shm::Segment& ring) {
    if (ring.header().kind != shm::SegmentKind::broadcast || ring.header().slot_bytes != 256) return;
    const auto end = shm::ring_tail(ring);
    const auto kept = std::min({end, ring.header().slots, records_kept});
    shm::BroadcastReader<256> reader(ring, end - kept);
    LogRecord record;
    while (reader.position() < end) {
        const auto status = reader.read(&record);
        if (status == shm::ReadStatus::empty) return;
        if (status == shm::ReadStatus::lapped || record.header.type != MessageType::log_record) continue;
        auto process = name_of(ProcessId::unpack(record.header.origin));
        auto message = printable_text(render(record));
        auto text = fmt::format("{} {:<5} {:<13} {}  [{}]\n", wall_text(record.wall_ns), name_of(record.level), process,
                                message, to_string(record.header.correlation));
        lines_.push_back({record.wall_ns, record.id, std::move(process), std::move(message), std::move(text)});
    }
}

std::string LogTail::text(int64_t died_wall_ns) const {
    auto sorted = lines_;
    std::ranges::stable_sort(sorted, {}, &Line::wall_ns);
    const auto died = std::ranges::upper_bound(sorted, died_wall_ns, {}, &Line::wall_ns);
    const auto before = std::min<ptrdiff_t>(died - sorted.begin(), lines_before_max);
    const auto after = std::min<ptrdiff_t>(sorted.end() - died, lines_after_max);
    std::string text;
    for (auto line = died - before; line != died + after; ++line) text += line->text;
    return text;
}

std::string LogTail::assertion_of(std::string_view process, int64_t since_wall_ns) const {
    std::string last;
    for (const auto& line : lines_) {
        const bool failed = line.sentence == static_cast<uint16_t>(LogId::assertion_failed);
        if (failed && line.process == process && line.wall_ns >= since_wall_ns) last = line.message;
    }
    return last;
}

}  // namespace of::autopsy
