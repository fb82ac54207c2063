#include "supervisor/ofctl/trace_file.hpp"

#include <algorithm>

#include "supervisor/ofctl/json.hpp"

namespace of::ofctl {
namespace {

/// A hop without a successor in its process has no length of its own; a slice needs one to be seen.
constexpr double last_slice_us = 1;

double us_of(const FoundHop& found) { return static_cast<double>(found.hop.header.publish_ns) / 1000.0; }

int track_of(const std::string& process, const std::vector<std::string>& tracks) {
    return static_cast<int>(std::ranges::find(tracks, process) - tracks.begin()) + 1;
}

double length_us(const std::vector<FoundHop>& hops, size_t i) {
    for (size_t next = i + 1; next < hops.size(); ++next) {
        if (hops[next].process == hops[i].process) return us_of(hops[next]) - us_of(hops[i]);
    }
    return last_slice_us;
}

void append_track(Json& json, const std::string& process, int track) {
    json.open_object().field("ph", "M").field("name", "process_name").field("pid", track).key("args");
    json.open_object().field("name", std::string_view(process)).close_object().close_object();
}

void append_slice(Json& json, CorrelationId id, const FoundHop& found, double length, int track) {
    json.open_object().field("ph", "X").field("name", name_of(found.hop.hop)).field("cat", "hop");
    json.field("pid", track).field("tid", track).precise("ts", us_of(found)).precise("dur", length).key("args");
    json.open_object().field("correlation", std::string_view(to_string(id))).field("subject", found.hop.subject);
    json.field("position", found.hop.position).close_object().close_object();
}

/// An arrow's piece: s begins the flow, t goes on, f ends it.
void append_arrow(Json& json, CorrelationId id, const FoundHop& found, const char* phase, int track) {
    json.open_object().field("ph", phase).field("name", "way").field("cat", "hop").field("id", id.value);
    json.field("pid", track).field("tid", track).precise("ts", us_of(found)).field("bp", "e").close_object();
}

}  // namespace

std::string perfetto_of(CorrelationId id, const std::vector<FoundHop>& hops) {
    std::vector<std::string> tracks;
    for (const auto& found : hops) {
        if (std::ranges::find(tracks, found.process) == tracks.end()) tracks.push_back(found.process);
    }
    Json json;
    json.open_object().field("displayTimeUnit", "ns").key("traceEvents").open_array();
    for (const auto& process : tracks) append_track(json, process, track_of(process, tracks));
    for (size_t i = 0; i < hops.size(); ++i) {
        const auto track = track_of(hops[i].process, tracks);
        append_slice(json, id, hops[i], length_us(hops, i), track);
        if (hops.size() > 1) append_arrow(json, id, hops[i], i == 0 ? "s" : i + 1 == hops.size() ? "f" : "t", track);
    }
    return json.close_array().close_object().text();
}

}  // namespace of::ofctl
