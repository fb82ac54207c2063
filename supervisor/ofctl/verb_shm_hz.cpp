// ofctl shm hz: how fast each ring moves, and how far each reader is behind, over one interval after another.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "supervisor/ofctl/ring_rate.hpp"

namespace of::ofctl {
namespace {

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

void print_rates(const Options& options, const std::vector<RingRate>& rings, double seconds, uint64_t interval) {
    if (options.json) {
        Json json;
        json.open_document("hz").field("instance", std::string_view(options.source.instance)).field("moves", true);
        json.field("interval", interval).field("ms", static_cast<uint64_t>(seconds * 1000)).open_rows("rings");
        for (const auto& ring : rings) ring.add_to(json);
        return put_json(options, json.close_array().close_object());
    }
    using enum Table::Align;
    Table rates(
        {{"RING"}, {"MSGS/S", right}, {"MIN", right}, {"MAX", right}, {"BYTES/S", right}, {"REFUSED/S", right}});
    Table readers({{"RING"}, {"READER"}, {"LAG", right}, {"LOST/S", right}});
    for (const auto& ring : rings) {
        ring.add_to(rates);
        ring.add_readers_to(readers);
    }
    put_line(fmt::format("interval {}, {:.2f} s", interval, seconds));
    rates.print(options.headers);
    put_line("");
    readers.print(options.headers);
}

}  // namespace

int shm_hz(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    auto rings = open_rates(*view, options.names);
    if (!rings) return refuse(options, rings.error());
    if (const auto why = stillness(*view); !why.empty()) return tell_stillness(options, why);
    auto since = mono_now();
    for (auto& ring : *rings) ring.sample(*view);
    const auto intervals = options.follow ? UINT64_MAX : std::max<uint64_t>(options.count, 1);
    for (uint64_t interval = 1; interval <= intervals; ++interval) {
        poll(nullptr, 0, static_cast<int>(options.interval_s * 1000));
        const auto now = mono_now();
        const auto seconds = static_cast<double>(now - std::exchange(since, now)) / 1e9;
        for (auto& ring : *rings) {
            ring.sample(*view);
            ring.measure(seconds);
        }
        if (!options.json && interval > 1) put_line("");
        print_rates(options, *rings, seconds, interval);
        flush_output();
    }
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
