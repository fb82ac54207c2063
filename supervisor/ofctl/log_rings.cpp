#include "supervisor/ofctl/log_rings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace of::ofctl {

bool LogFilter::takes(const LogRecord& record) const {
    if (record.header.type != MessageType::log_record || record.level < least || record.wall_ns < since_ns ||
        record.wall_ns >= until_ns || (only_events && !is_event(record)))
        return false;
    return text.empty() || render(record).find(text) != std::string::npos;
}

bool is_event(const LogRecord& record) {
    constexpr std::array of_workers{LogId::worker_ready,      LogId::worker_draining, LogId::worker_stopped,
                                    LogId::breaker_opened,    LogId::breaker_closed,  LogId::breaker_half_open,
                                    LogId::breaker_commanded, LogId::assertion_failed};
    return ProcessId::unpack(record.header.origin).kind == ProcessKind::supervisor ||
           std::ranges::find(of_workers, static_cast<LogId>(record.id)) != of_workers.end();
}

LogLevel level_of(std::string_view name) {
    for (const auto level : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error}) {
        if (name_of(level) == name) return level;
    }
    return LogLevel::debug;
}

std::vector<LogRing> open_log_rings(const View& view, const std::string& worker) {
    std::vector<LogRing> rings;
    for (const auto& channel : channels_in(view.source())) {
        if (!channel.starts_with("log.") || (!worker.empty() && channel != "log." + worker)) continue;
        auto segment = view.segment(channel);
        if (!segment || segment->header().kind != shm::SegmentKind::broadcast || segment->header().slot_bytes != 256)
            continue;
        const auto tail = shm::ring_tail(*segment);
        const auto oldest = tail > segment->header().slots ? tail - segment->header().slots : 0;
        shm::BroadcastReader<256> reader(*segment, oldest);
        rings.push_back({channel, std::move(*segment), reader});
    }
    return rings;
}

std::vector<std::string> collect(std::vector<LogRing>& rings, const LogFilter& filter, std::vector<LogLine>& lines) {
    std::vector<std::string> losses;
    for (auto& ring : rings) {
        LogLine line{{}, ring.channel};
        // As far as it goes now: a writer that is faster than this, or a ring full of nonsense, does not hold it up.
        for (const auto end = shm::ring_tail(ring.segment); ring.reader.position() < end;) {
            const auto lost_before = ring.reader.lost();
            const auto status = ring.reader.read(&line.record);
            if (status == shm::ReadStatus::empty) break;
            if (status == shm::ReadStatus::lapped) {
                losses.push_back(fmt::format("lost {} records of {}: they were overwritten before they were read",
                                             ring.reader.lost() - lost_before, ring.channel));
                continue;
            }
            if (filter.takes(line.record)) lines.push_back(line);
        }
    }
    std::ranges::stable_sort(lines, {}, [](const LogLine& line) { return line.record.wall_ns; });
    return losses;
}

}  // namespace of::ofctl
