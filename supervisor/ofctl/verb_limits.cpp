// ofctl limits: what of the exchange's request limits is spent, by all instances that share the page.
#include <fmt/format.h>

#include "shm/governor.hpp"
#include "shm/verify.hpp"
#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {
namespace {

constexpr int64_t minute_ns = 60'000'000'000;

/// The venues in use, as they stand now.
std::vector<shm::VenueBudget> venues_of(shm::GovernorPage& page) {
    std::vector<shm::VenueBudget> venues;
    for (auto& venue : page.venues) {
        if (venue.key.load(std::memory_order_acquire) != 0) venues.push_back({venue, {}});
    }
    return venues;
}

Table::Cell gate_cell(const shm::VenueBudget& venue) {
    const auto shut_ns = venue.shut_for_ns(mono_now());
    if (shut_ns == 0) return {"open", Tone::good};
    return {fmt::format("{} for {}", venue.record().shut_status.load(std::memory_order_relaxed), span_text(shut_ns)),
            Tone::bad};
}

void print_table(const Options& options, const std::vector<shm::VenueBudget>& venues) {
    using enum Table::Align;
    Table table({{"VENUE"},
                 {"WEIGHT", right},
                 {"NEW IN", right},
                 {"GATE"},
                 {"CONNECTS LEFT", right},
                 {"REQUESTS", right},
                 {"LIMITED", right}});
    for (const auto& venue : venues) {
        const auto& record = venue.record();
        const auto used = venue.used(wall_now());
        const auto& limits = venue.limits();
        table.add({record.name.load(),
                   {fmt::format("{}/{}", used, limits.weight),
                    used + limits.reserve > limits.weight ? Tone::warn : Tone::plain},
                   span_text(minute_ns - wall_now() % minute_ns),
                   gate_cell(venue),
                   fmt::format("{}/{}", venue.connections_left(mono_now()), limits.connection_burst),
                   count_text(record.granted.load(std::memory_order_relaxed)),
                   count_text(record.limited.load(std::memory_order_relaxed))});
    }
    table.print(options.headers);
}

void print_json(const Options& options, const std::vector<shm::VenueBudget>& venues) {
    Json json;
    json.open_document("limits").open_rows("venues");
    for (const auto& venue : venues) {
        const auto& record = venue.record();
        const auto& limits = venue.limits();
        const auto name = record.name.load();
        json.open_row(name).field("venue", std::string_view(name));
        json.field("weight_used", venue.used(wall_now())).field("weight_limit", limits.weight);
        json.field("weight_reserve", limits.reserve).field("shut_ms", venue.shut_for_ns(mono_now()) / 1'000'000);
        json.field("shut_status", record.shut_status.load(std::memory_order_relaxed));
        json.field("connections_left", venue.connections_left(mono_now()));
        json.field("connection_burst", limits.connection_burst);
        json.field("requests", record.granted.load(std::memory_order_relaxed));
        json.field("weight_total", record.weight.load(std::memory_order_relaxed));
        json.field("limited", record.limited.load(std::memory_order_relaxed));
        json.field("connections", record.connections.load(std::memory_order_relaxed)).close_row();
    }
    put_json(options, json.close_array().close_object());
}

}  // namespace

int limits(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    const auto segment = view->segment(governor_channel);
    if (!segment) return refuse(options, segment.error());
    if (!shm::is_page(*segment, governor_channel)) return refuse(options, unknown_layout(*segment, governor_channel));
    const auto venues = venues_of(segment->page<shm::GovernorPage>());
    if (options.json) {
        print_json(options, venues);
    } else if (venues.empty()) {
        put_line("no exchange has been asked for anything yet");
    } else {
        print_table(options, venues);
    }
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
