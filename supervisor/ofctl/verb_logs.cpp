// ofctl logs: all log rings merged by time, of a running, dead or copied instance.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "proto/log_catalog.hpp"
#include "shm/broadcast.hpp"
#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {
namespace {

struct Source256 {
    std::string channel;
    shm::Segment segment;
    shm::BroadcastReader<256> reader;
};
struct Line {
    LogRecord record;
    std::string channel;
};

std::vector<Source256> open_rings(const View& view, const Options& options) {
    std::vector<Source256> rings;
    for (const auto& channel : channels_in(view.source())) {
        if (!channel.starts_with("log.") || (!options.worker.empty() && channel != "log." + options.worker)) continue;
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

LogLevel level_of(std::string_view name) {
    for (const auto level : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error}) {
        if (name_of(level) == name) return level;
    }
    return LogLevel::debug;
}

/// What concerns the life of the instance: all that the supervisor says, and what a worker says of its own state and
/// its breakers.
bool is_event(const LogRecord& record) {
    constexpr std::array of_workers{LogId::worker_ready,      LogId::worker_draining, LogId::worker_stopped,
                                    LogId::breaker_opened,    LogId::breaker_closed,  LogId::breaker_half_open,
                                    LogId::breaker_commanded, LogId::assertion_failed};
    return ProcessId::unpack(record.header.origin).kind == ProcessKind::supervisor ||
           std::ranges::find(of_workers, static_cast<LogId>(record.id)) != of_workers.end();
}

bool wanted(const LogRecord& record, const Options& options, int64_t since_ns) {
    if (record.header.type != MessageType::log_record || record.level < level_of(options.level) ||
        record.wall_ns < since_ns || (options.only_events && !is_event(record)))
        return false;
    return options.grep.empty() || render(record).find(options.grep) != std::string::npos;
}

void collect(std::vector<Source256>& rings, const Options& options, int64_t since_ns, std::vector<Line>& lines) {
    for (auto& ring : rings) {
        Line line{{}, ring.channel};
        // As far as it goes now: a writer that is faster than this, or a ring full of nonsense, does not hold it up.
        for (const auto end = shm::ring_tail(ring.segment); ring.reader.position() < end;) {
            const auto lost_before = ring.reader.lost();
            const auto status = ring.reader.read(&line.record);
            if (status == shm::ReadStatus::empty) break;
            if (status == shm::ReadStatus::lapped) {
                complain(fmt::format("lost {} records of {}: they were overwritten before they were read",
                                     ring.reader.lost() - lost_before, ring.channel));
                continue;
            }
            if (wanted(line.record, options, since_ns)) lines.push_back(line);
        }
    }
    std::ranges::stable_sort(lines, {}, [](const Line& line) { return line.record.wall_ns; });
}

void print(const Line& line, const Options& options) {
    const auto& record = line.record;
    const auto worker = name_of(ProcessId::unpack(record.header.origin));
    if (options.json) {
        Json json;
        json.open_object()
            .field("ts", std::string_view(wall_text(record.wall_ns)))
            .field("level", name_of(record.level))
            .field("worker", std::string_view(worker));
        json.field("event", sentence(record.id).name).field("message", std::string_view(render(record)));
        json.field("correlation", std::string_view(to_string(record.header.correlation))).close_object();
        return put_line(json.text());
    }
    const auto tone = record.level == LogLevel::error  ? Tone::bad
                      : record.level == LogLevel::warn ? Tone::warn
                                                       : Tone::plain;
    put_line(fmt::format("{} {} {:<13} {}  [{}]", wall_text(record.wall_ns),
                         toned(fmt::format("{:<5}", name_of(record.level)), tone), worker, render(record),
                         to_string(record.header.correlation)));
}

}  // namespace

int logs(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    if (!options.worker.empty() && options.worker != name_of(ProcessKind::supervisor) && !view->worker(options.worker))
        return refuse(options, {ErrorKind::missing, fmt::format("instance {} has no worker called {}",
                                                                options.source.instance, options.worker)});
    auto rings = open_rings(*view, options);
    const auto since_ns = options.since_s > 0 ? wall_now() - static_cast<int64_t>(options.since_s * 1e9) : 0;
    std::vector<Line> lines;
    collect(rings, options, since_ns, lines);
    if (options.lines != 0 && lines.size() > options.lines)
        lines.erase(lines.begin(), lines.end() - static_cast<ptrdiff_t>(options.lines));
    for (;;) {
        for (const auto& line : lines) print(line, options);
        flush_output();
        if (!options.follow) return code(ExitCode::ok);
        lines.clear();
        poll(nullptr, 0, look_period_ms);
        collect(rings, options, since_ns, lines);
    }
}

int events(const Options& options) {
    if (options.audit) return audit(options);
    auto only = options;
    only.only_events = true;
    return logs(only);
}

}  // namespace of::ofctl
