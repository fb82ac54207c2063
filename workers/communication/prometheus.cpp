#include "workers/communication/prometheus.hpp"

#include <fmt/format.h>

#include <map>

namespace of::communication {
namespace {

using shm::HistogramLayout;
using shm::MetricKind;

constexpr std::string_view prefix = "orderflow_";
constexpr uint32_t first_bound_bit = 10;  ///< 1 microsecond
constexpr uint32_t last_bound_bit = 36;   ///< 69 seconds

template <size_t n>
std::string_view text_of(const char (&field)[n]) {
    return {field, strnlen(field, n)};
}

std::string escape(std::string_view text, bool quotes) {
    std::string out;
    for (const char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '"' && quotes) {
            out += "\\\"";
        } else {
            out += c;
        }
    }
    return out;
}

/// Families in the order of their names, each with its samples.
class Families {
  public:
    /// `labels` without braces; `suffix` for the parts of a histogram.
    void sample(std::string_view name, std::string_view type, std::string_view help, std::string_view suffix,
                std::string_view labels, auto value) {
        auto& family = families_[std::string(name)];
        if (family.type.empty()) family = {std::string(type), std::string(help), {}};
        if (family.type != type) return;  // two processes that disagree: the first is right
        fmt::format_to(std::back_inserter(family.samples), "{}{}{}{{{}}} {}\n", prefix, name, suffix, labels, value);
    }
    std::string text() const {
        std::string out;
        for (const auto& [name, family] : families_) {
            fmt::format_to(std::back_inserter(out), "# HELP {0}{1} {2}\n# TYPE {0}{1} {3}\n{4}", prefix, name,
                           escape_help(family.help), family.type, family.samples);
        }
        return out;
    }

  private:
    struct Family {
        std::string type;
        std::string help;
        std::string samples;
    };
    std::map<std::string, Family> families_;
};

void add_histogram(Families& families, std::string_view name, std::string_view help, const std::string& labels,
                   const shm::MetricsSnapshot::Value& value) {
    uint64_t below = 0;
    uint32_t bucket = 0;
    for (uint32_t bit = first_bound_bit; bit <= last_bound_bit; ++bit) {
        const auto bound = uint64_t{1} << bit;
        for (; bucket < HistogramLayout::bucket_of(bound); ++bucket) below += value.words[bucket];
        families.sample(name, "histogram", help, "_bucket", fmt::format("{},le=\"{}\"", labels, bound - 1), below);
    }
    // +Inf and _count are the sum of the buckets, so that the family agrees with itself.
    for (; bucket < HistogramLayout::buckets; ++bucket) below += value.words[bucket];
    families.sample(name, "histogram", help, "_bucket", labels + ",le=\"+Inf\"", below);
    families.sample(name, "histogram", help, "_sum", labels, value.sum());
    families.sample(name, "histogram", help, "_count", labels, below);
}

void add_page(Families& families, const Status::Page& page) {
    for (const auto& value : page.metrics.values) {
        const auto name = text_of(value.entry->name);
        const auto help = text_of(value.entry->help);
        const auto own = text_of(value.entry->labels);
        const auto labels = fmt::format("worker=\"{}\"{}{}", escape_label(page.worker), own.empty() ? "" : ",", own);
        switch (value.entry->kind) {
            case MetricKind::counter:
                families.sample(name, "counter", help, "", labels, value.scalar());
                break;
            case MetricKind::gauge:
                families.sample(name, "gauge", help, "", labels, static_cast<int64_t>(value.scalar()));
                break;
            case MetricKind::histogram:
                add_histogram(families, name, help, labels, value);
                break;
            case MetricKind::none:
                break;
        }
    }
}

void add_worker(Families& families, const WorkerView& worker) {
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

void add_ring(Families& families, const RingView& ring) {
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

std::string escape_label(std::string_view value) { return escape(value, true); }
std::string escape_help(std::string_view text) { return escape(text, false); }

std::string render_prometheus(const PrometheusInput& input) {
    Families families;
    families.sample(
        "build_info", "gauge", "Version of the communication worker", "",
        fmt::format("instance_name=\"{}\",version=\"{}\"", escape_label(input.instance), escape_label(input.version)),
        1);
    for (const auto& page : input.pages) add_page(families, page);
    for (const auto& worker : input.workers) add_worker(families, worker);
    for (const auto& ring : input.rings) add_ring(families, ring);
    return families.text();
}

}  // namespace of::communication
