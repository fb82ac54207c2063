#include "workers/communication/prometheus.hpp"

#include <fmt/format.h>

#include "shm/prometheus_text.hpp"

namespace of::communication {
namespace {

using shm::escape_label;

void add_worker(shm::PrometheusText& families, const WorkerView& worker) {
    const auto labels = fmt::format("worker=\"{}\"", escape_label(worker.name));
    const auto seconds = [](int64_t ms) { return fmt::format("{}.{:03}", ms / 1000, ms % 1000); };
    families.sample("worker_up", "gauge", "1 while the worker runs, is alive, and its heartbeat is fresh", "", labels,
                    worker.healthy ? 1 : 0);
    families.sample("worker_state", "gauge", "1 for the state that the worker is in", "",
                    fmt::format("{},state=\"{}\"", labels, name_of(worker.state)), 1);
    families.sample("worker_incarnation", "gauge", "Counts up with each start of the worker", "", labels,
                    worker.incarnation);
    families.sample("worker_restarts_total", "counter", "Starts of the worker after a death", "", labels,
                    worker.restarts);
    families.sample("worker_uptime_seconds", "gauge", "Time since the worker became ready", "", labels,
                    seconds(worker.uptime_ms));
    families.sample("worker_heartbeat_age_seconds", "gauge", "Time since the last turn of the worker's loop", "",
                    labels, seconds(worker.heartbeat_age_ms));
}

void add_ring(shm::PrometheusText& families, const RingView& ring) {
    const auto labels = fmt::format("ring=\"{}\"", escape_label(ring.name));
    families.sample("ring_published_total", "counter", "Messages committed to the ring", "", labels, ring.published);
    families.sample("ring_slots", "gauge", "Capacity of the ring in messages", "", labels, ring.slots);
    for (const auto& lag : ring.lags) {
        const auto reader = fmt::format("{},reader=\"{}\"", labels, escape_label(lag.reader));
        families.sample("ring_lag", "gauge", "Messages that this reader has not yet done with", "", reader,
                        lag.messages);
        families.sample("ring_lost_total", "counter", "Messages that this reader lost because it was lapped", "",
                        reader, lag.lost);
    }
}

}  // namespace

std::string render_prometheus(const PrometheusInput& input) {
    shm::PrometheusText families;
    families.sample(
        "build_info", "gauge", "Version of the communication worker", "",
        fmt::format("instance_name=\"{}\",version=\"{}\"", escape_label(input.instance), escape_label(input.version)),
        1);
    for (const auto& page : input.pages) families.page(page.worker, page.metrics);
    for (const auto& worker : input.workers) add_worker(families, worker);
    for (const auto& ring : input.rings) add_ring(families, ring);
    return families.text();
}

}  // namespace of::communication
