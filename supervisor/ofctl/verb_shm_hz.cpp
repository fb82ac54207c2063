// ofctl shm hz: how fast each ring moves, and how far each reader is behind, over one interval after another.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "supervisor/ofctl/metrics_print.hpp"
#include "supervisor/ofctl/publish_times.hpp"
#include "supervisor/ofctl/ring_rate.hpp"

namespace of::ofctl {
namespace {

/// How often the messages of an interval are read: the largest ring holds those of this time.
constexpr int64_t look_ms = 200;

struct WatchedRing {
    RingRate rate;
    PublishTimes times;
};

Expected<std::vector<WatchedRing>> watch(const View& view, std::vector<RingRate> rates) {
    std::vector<WatchedRing> rings;
    for (auto& rate : rates) {
        auto segment = view.segment(rate.channel());
        if (!segment) return tl::make_unexpected(segment.error());
        PublishTimes times(rate.channel(), std::move(*segment));
        rings.push_back({std::move(rate), std::move(times)});
    }
    return rings;
}

void wait_until(int64_t end_ns, std::vector<WatchedRing>& rings) {
    for (auto left_ms = int64_t{1}; left_ms > 0;) {
        left_ms = (end_ns - mono_now() + 999'999) / 1'000'000;
        poll(nullptr, 0, static_cast<int>(std::clamp<int64_t>(left_ms, 0, look_ms)));
        const auto wall_ahead = wall_now() - mono_now();
        for (auto& ring : rings) ring.times.look(wall_ahead);
    }
}

void add_times(Json& json, const PublishTimes& times) {
    json.key("longest_gap_us");
    const auto gap = times.longest_gap_ns();
    gap ? json.value(*gap / 1000) : json.null();
    const auto latency = times.latency();
    if (!latency) return;
    json.key("publish_latency").open_object().field("messages", latency->messages);
    json.precise("p50_us", static_cast<double>(latency->p50_ns) / 1e3)
        .precise("p99_us", static_cast<double>(latency->p99_ns) / 1e3)
        .close_object();
}

void print_latencies(const std::vector<WatchedRing>& rings) {
    for (const auto& ring : rings) {
        const auto latency = ring.times.latency();
        if (!latency) continue;
        put_line(fmt::format("{}: from receipt to publication p50 {} p99 {} of {}", ring.rate.channel(),
                             short_span_text(latency->p50_ns), short_span_text(latency->p99_ns),
                             count_text(latency->messages)));
    }
}

int tell_stillness(const Options& options, const std::string& why) {
    if (options.json) {
        Json json;
        json.open_document("hz").field("instance", std::string_view(options.source.instance)).field("moves", false);
        put_json(options, json.field("why", std::string_view(why)).close_object());
    } else {
        put_line(fmt::format("instance {}: nothing moves: {}", options.source.instance, why));
    }
    return code(ExitCode::ok);
}

void print_rates(const Options& options, const std::vector<WatchedRing>& rings, double seconds, uint64_t interval) {
    if (options.json) {
        Json json;
        json.open_document("hz").field("instance", std::string_view(options.source.instance)).field("moves", true);
        json.field("interval", interval).field("ms", static_cast<uint64_t>(seconds * 1000)).open_rows("rings");
        for (const auto& [rate, times] : rings) {
            json.open_row(rate.channel());
            rate.add_to(json);
            add_times(json, times);
            json.close_row();
        }
        return put_json(options, json.close_array().close_object());
    }
    using enum Table::Align;
    Table rates({{"RING"},
                 {"MSGS/S", right},
                 {"MIN", right},
                 {"MAX", right},
                 {"BYTES/S", right},
                 {"REFUSED/S", right},
                 {"GAP", right}});
    Table readers({{"RING"}, {"READER"}, {"LAG", right}, {"LOST/S", right}});
    for (const auto& [rate, times] : rings) {
        auto row = rate.cells();
        const auto gap = times.longest_gap_ns();
        row.emplace_back(gap ? span_text(static_cast<int64_t>(std::min<uint64_t>(*gap, INT64_MAX))) : "-");
        rates.add(std::move(row));
        rate.add_readers_to(readers);
    }
    put_line(fmt::format("interval {}, {:.2f} s", interval, seconds));
    rates.print(options.headers);
    put_line("");
    readers.print(options.headers);
    print_latencies(rings);
}

}  // namespace

int shm_hz(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    auto rates = open_rates(*view, options.names);
    if (!rates) return refuse(options, rates.error());
    if (const auto why = stillness(*view); !why.empty()) return tell_stillness(options, why);
    auto rings = watch(*view, std::move(*rates));
    if (!rings) return refuse(options, rings.error());
    auto since = mono_now();
    for (auto& ring : *rings) ring.rate.sample(*view);
    const auto intervals = options.follow ? UINT64_MAX : std::max<uint64_t>(options.count, 1);
    for (uint64_t interval = 1; interval <= intervals; ++interval) {
        for (auto& ring : *rings) ring.times.begin();
        wait_until(since + static_cast<int64_t>(options.interval_s * 1e9), *rings);
        const auto now = mono_now();
        const auto seconds = static_cast<double>(now - std::exchange(since, now)) / 1e9;
        for (auto& ring : *rings) {
            ring.rate.sample(*view);
            ring.rate.measure(seconds);
        }
        if (!options.json && interval > 1) put_line("");
        print_rates(options, *rings, seconds, interval);
        flush_output();
    }
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
