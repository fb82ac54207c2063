#include "supervisor/ofctl/top_look.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "supervisor/ofctl/breaker_rows.hpp"
#include "supervisor/ofctl/log_rings.hpp"
#include "supervisor/ofctl/worker_facts.hpp"

namespace of::ofctl {
namespace {

using Value = shm::MetricsSnapshot::Value;

constexpr size_t records_max = 500;
constexpr auto relaxed = std::memory_order_relaxed;

std::vector<TopRecord> records_of(const View& view, const std::string& worker, LogLevel least) {
    auto rings = open_log_rings(view, worker);
    std::vector<LogLine> lines;
    collect(rings, {.least = least}, lines);
    if (lines.size() > records_max) lines.erase(lines.begin(), lines.end() - records_max);
    std::vector<TopRecord> records;
    for (const auto& [record, channel] : lines) {
        const auto tone = record.level == LogLevel::error  ? Tone::bad
                          : record.level == LogLevel::warn ? Tone::warn
                                                           : Tone::plain;
        records.push_back({record.wall_ns, std::string(name_of(record.level)), tone,
                           name_of(ProcessId::unpack(record.header.origin)), render(record)});
    }
    return records;
}

std::vector<TopBreaker> breakers_of(const View& view) {
    std::vector<TopBreaker> breakers;
    const auto pages = open_pages<shm::BreakerPage>(view, "breaker");
    if (!pages) return breakers;
    for (const auto& row : rows_of(*pages))
        breakers.push_back({row.id(), std::string(name_of(row.state)), row.tone(), row.recent_failures(),
                            row.of(row.record->failed), row.of(row.record->trips), row.of(row.record->refused),
                            row.ends_text(), row.forced() ? row.text(row.record->reason) : ""});
    return breakers;
}

/// What was recorded between two looks: its counts. The greatest value is the one ever seen.
Value difference(const Value& now, const Value& before) {
    constexpr size_t counts = shm::HistogramLayout::buckets + 1;
    auto since = now;
    for (size_t i = 0; i < counts; ++i) since.words[i] -= std::min(before.words[i], since.words[i]);
    return since;
}

std::string name_of_metric(const std::string& process, const Value& value) {
    const auto labels = shm::text_of(value.entry->labels);
    const auto name = shm::text_of(value.entry->name);
    return labels.empty() ? fmt::format("{} {}", process, name) : fmt::format("{} {}{{{}}}", process, name, labels);
}

TopLatency latency_of(const std::string& process, const Value& value, const Value* before, double seconds) {
    TopLatency latency{.name = name_of_metric(process, value),
                       .rate = {},
                       .p50 = "-",
                       .p99 = "-",
                       .p99_ever = quantile_text(value, value.quantile(0.99)),
                       .max_ever = quantile_text(value, value.max())};
    if (before == nullptr || seconds <= 0) return latency;
    const auto since = difference(value, *before);
    latency.rate = static_cast<double>(since.count()) / seconds;
    if (since.count() == 0) return latency;
    latency.p50 = quantile_text(value, since.quantile(0.5));
    latency.p99 = quantile_text(value, since.quantile(0.99));
    return latency;
}

std::string supervisor_text(const View& view) {
    const auto& line = view.control().instance;
    const auto pid = line.supervisor_pid.load(relaxed);
    if (view.source().copied()) return "copied segments";
    if (!view.supervisor_alive()) return fmt::format("the supervisor (pid {}) is gone", pid);
    return fmt::format("supervisor pid {}, up {}", pid, span_text(wall_now() - line.started_wall_ns.load(relaxed)));
}

}  // namespace

std::vector<TopWorker> TopLook::workers(const View& view) {
    std::vector<TopWorker> rows;
    for (const auto& process : view.workers()) {
        const auto& slot = *process.slot;
        TopWorker row{.name = process.name,
                      .state = process.label(),
                      .tone = tone_of(process),
                      .pid = process.alive ? slot.desk.pid.load(relaxed) : 0,
                      .up = uptime(process),
                      .restarts = slot.desk.restarts.load(relaxed),
                      .last_exit = last_exit(slot.desk),
                      .frozen = process.frozen,
                      .cpu_percent = {},
                      .rss_bytes = 0,
                      .beat_ns = process.alive ? heartbeat_age_ns(process) : -1,
                      .messages_per_s = {},
                      .lag = unread(view, process),
                      .lost = lost(process),
                      .stopped = process.state == WorkerState::stopped};
        const auto facts = facts_of(process);
        const Former now{row.pid, facts ? facts->cpu_ns : 0, slot.own.messages.load(relaxed)};
        const auto before = std::exchange(former_[row.name], now);
        if (facts) row.rss_bytes = facts->rss_bytes;
        if (seconds_ > 0 && row.pid != 0 && before.pid == row.pid) {
            row.cpu_percent = static_cast<double>(now.cpu_ns - before.cpu_ns) / 1e7 / seconds_;
            row.messages_per_s = static_cast<double>(now.messages - std::min(before.messages, now.messages)) / seconds_;
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<TopRing> TopLook::rings(const View& view) {
    std::vector<TopRing> rows;
    auto opened = open_rates(view, {});
    if (!opened) return rows;
    for (auto& ring : *opened) {
        const auto former = std::ranges::find(rates_, ring.channel(), &RingRate::channel);
        const bool measured = seconds_ > 0 && former != rates_.end() && ring.follow(*former);
        ring.sample(view);
        if (measured) ring.measure(seconds_);
        TopRing row{.name = ring.channel(),
                    .rate = measured ? std::optional(ring.rate()) : std::nullopt,
                    .bytes_per_s = ring.bytes(),
                    .reader = {},
                    .lag = 0,
                    .slots = std::max<uint64_t>(ring.slots(), 1),
                    .lost_per_s = measured ? ring.refused() : 0};
        for (const auto& reader : ring.now().readers) {
            if (measured) row.lost_per_s += ring.lost_of(reader);
            if (row.reader.empty() || reader.lag > row.lag) row.reader = reader.name;
            row.lag = std::max(row.lag, reader.lag);
        }
        rows.push_back(std::move(row));
    }
    rates_ = std::move(*opened);
    return rows;
}

std::vector<TopLatency> TopLook::latencies(const View& view) {
    std::vector<TopLatency> rows;
    auto pages = open_pages<shm::MetricsPage>(view, "metrics");
    if (!pages) return rows;
    std::map<std::string, shm::MetricsSnapshot> snapshots;
    for (const auto& page : *pages) {
        auto& now = snapshots[page.process] = shm::snapshot(page.content());
        const auto& before = metrics_[page.process];
        for (const auto& value : now.values) {
            if (value.entry->kind != shm::MetricKind::histogram || shm::text_of(value.entry->unit) != "ns" ||
                value.count() == 0)
                continue;
            const auto* former = before.find(shm::text_of(value.entry->name), shm::text_of(value.entry->labels));
            rows.push_back(latency_of(page.process, value, former, seconds_));
        }
    }
    std::ranges::stable_sort(rows, std::greater{}, [](const TopLatency& row) { return row.rate.value_or(0); });
    metrics_ = std::move(snapshots);
    metrics_pages_ = std::move(*pages);
    return rows;
}

Expected<TopView> TopLook::take(const std::string& log_of) {
    const auto view = View::open(options_.source);
    if (!view) return tl::make_unexpected(view.error());
    const auto now = mono_now();
    seconds_ = looked_ns_ == 0 ? 0 : static_cast<double>(now - looked_ns_) / 1e9;
    looked_ns_ = now;
    const bool dead = !view->source().copied() && !view->supervisor_alive();
    return TopView{.instance = view->source().instance,
                   .wall_ns = wall_now(),
                   .supervisor = supervisor_text(*view),
                   .tone = dead ? Tone::bad : Tone::plain,
                   .workers = workers(*view),
                   .rings = rings(*view),
                   .breakers = breakers_of(*view),
                   .latencies = latencies(*view),
                   .warnings = records_of(*view, "", LogLevel::warn),
                   .records = log_of.empty() ? std::vector<TopRecord>{} : records_of(*view, log_of, LogLevel::debug)};
}

}  // namespace of::ofctl
