// ofctl logs: all log rings merged by time, of a running, dead or copied instance.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/log_rings.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

/// When a process of this host was started, as its clock on the wall showed it.
int64_t wall_of(int64_t mono_ns) { return wall_now() - (mono_now() - mono_ns); }

/// When the supervisor said that it started this incarnation; 0 when that record is no longer there.
int64_t spawn_record_ns(const View& view, const std::string& worker, uint32_t incarnation) {
    auto rings = open_log_rings(view, std::string(name_of(ProcessKind::supervisor)));
    std::vector<LogLine> lines;
    collect(rings, {}, lines);
    const auto begin = fmt::format("{} spawned: ", worker);
    const auto end = fmt::format(" incarnation {}", incarnation);
    int64_t found = 0;
    for (const auto& line : lines) {
        if (line.record.id != static_cast<uint16_t>(LogId::worker_spawned)) continue;
        const auto text = render(line.record);
        if (text.starts_with(begin) && text.ends_with(end)) found = line.record.wall_ns;
    }
    return found;
}

/// The life of the worker's last incarnation that is over.
Expected<void> limit_to_previous(const View& view, const std::string& name, LogFilter& filter) {
    const auto worker = view.worker(name);
    if (!worker) return fail(ErrorKind::invalid, "--previous is of one worker: name it, such as ofctl logs -p storage");
    const auto& desk = worker->slot->desk;
    const auto incarnation = desk.incarnation.load(std::memory_order_relaxed);
    const auto spawned_ns = wall_of(desk.spawn_ns.load(std::memory_order_relaxed));
    if (!worker->alive && incarnation > 0) {
        filter.since_ns = std::max(filter.since_ns, spawned_ns);
        return {};
    }
    if (incarnation < 2)
        return fail(ErrorKind::missing, fmt::format("{} runs for the first time: there is no previous one", name));
    filter.until_ns = spawned_ns;
    filter.since_ns = std::max(filter.since_ns, spawn_record_ns(view, name, incarnation - 1));
    return {};
}

void print(const LogLine& line, const Options& options) {
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
    LogFilter filter{.least = level_of(options.level), .only_events = options.only_events, .text = options.grep};
    if (options.since_s > 0) filter.since_ns = wall_now() - static_cast<int64_t>(options.since_s * 1e9);
    if (options.previous) {
        if (auto limited = limit_to_previous(*view, options.worker, filter); !limited)
            return refuse(options, limited.error());
    }
    auto rings = open_log_rings(*view, options.worker);
    std::vector<LogLine> lines;
    const auto look = [&] {
        for (const auto& loss : collect(rings, filter, lines)) complain(loss);
    };
    look();
    if (options.lines != 0 && lines.size() > options.lines)
        lines.erase(lines.begin(), lines.end() - static_cast<ptrdiff_t>(options.lines));
    for (;;) {
        for (const auto& line : lines) print(line, options);
        flush_output();
        if (!options.follow) return code(ExitCode::ok);
        lines.clear();
        poll(nullptr, 0, look_period_ms);
        look();
    }
}

int events(const Options& options) {
    if (options.audit) return audit(options);
    auto only = options;
    only.only_events = true;
    return logs(only);
}

}  // namespace of::ofctl
