// The metrics of one process as tables, JSON, or rates between two looks.
#pragma once

#include "shm/metrics_page.hpp"
#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {

/// A process's metrics now and, for rates, some time before. `before` of the same page, or empty.
struct MetricsView {
    std::string process;
    shm::MetricsSnapshot now;
    shm::MetricsSnapshot before;
    double seconds = 0;  ///< between the two; 0: no rates
};

/// "-" for none, "12.5", "3.1k".
std::string rate_text(std::optional<double> rate);
/// A time that may be short: "840ns", "12.3us", "1.2ms".
std::string short_span_text(uint64_t ns);
/// A value of a histogram in its unit: "840ns", "12.3us", "1.2ms"; plain for what is no time.
std::string quantile_text(const shm::MetricsSnapshot::Value& value, uint64_t number);

/// Two tables: counters and gauges, then histograms; only metrics with `filter` in their name.
void print_metrics(const Options& options, const MetricsView& view, std::string_view filter);
/// Appends the fields "process", "batch", "updates", "metrics": [...].
void append_metrics(Json& json, const MetricsView& view, std::string_view filter);

}  // namespace of::ofctl
