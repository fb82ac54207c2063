#include "supervisor/ofctl/top_json.hpp"

#include "supervisor/ofctl/json.hpp"

namespace of::ofctl {
namespace {

void append(Json& json, const TopWorker& worker) {
    json.open_object().field("name", std::string_view(worker.name)).field("state", std::string_view(worker.state));
    json.field("pid", worker.pid).field("restarts", worker.restarts);
    if (worker.cpu_percent) json.field("cpu_percent", *worker.cpu_percent);
    json.field("rss_bytes", worker.rss_bytes);
    if (worker.beat_ns >= 0) json.field("heartbeat_age_ms", worker.beat_ns / 1'000'000);
    if (worker.messages_per_s) json.field("messages_per_s", *worker.messages_per_s);
    json.field("lag", worker.lag).field("lost", worker.lost).close_object();
}

void append(Json& json, const TopRing& ring) {
    json.open_object().field("name", std::string_view(ring.name));
    if (ring.rate) json.field("messages_per_s", *ring.rate).field("bytes_per_s", ring.bytes_per_s);
    json.field("slots", ring.slots).field("lag", ring.lag).field("fill", ring.fill());
    json.field("lost_per_s", ring.lost_per_s).field("furthest_behind", std::string_view(ring.reader)).close_object();
}

void append(Json& json, const TopBreaker& breaker) {
    json.open_object().field("breaker", std::string_view(breaker.id)).field("state", std::string_view(breaker.state));
    json.field("recent_failures", breaker.recent).field("trips", breaker.trips).close_object();
}

void append(Json& json, const TopLatency& latency) {
    json.open_object().field("name", std::string_view(latency.name));
    if (latency.rate) json.field("rate", *latency.rate);
    json.field("p50", std::string_view(latency.p50)).field("p99", std::string_view(latency.p99));
    json.field("p99_ever", std::string_view(latency.p99_ever));
    json.field("max_ever", std::string_view(latency.max_ever)).close_object();
}

template <typename Row>
void append_all(Json& json, std::string_view name, const std::vector<Row>& rows) {
    json.key(name).open_array();
    for (const auto& row : rows) append(json, row);
    json.close_array();
}

}  // namespace

std::string json_of(const TopView& view) {
    Json json;
    json.open_document("top").field("instance", std::string_view(view.instance)).field("wall_ns", view.wall_ns);
    json.field("supervisor", std::string_view(view.supervisor));
    append_all(json, "workers", view.workers);
    append_all(json, "rings", view.rings);
    append_all(json, "breakers", view.breakers);
    append_all(json, "latencies", view.latencies);
    return json.close_object().text();
}

}  // namespace of::ofctl
