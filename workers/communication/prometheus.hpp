// The page /metrics: Prometheus text format 0.0.4 of every process's metrics, and of what the control page and the
// rings say.
//
// One family, one HELP and TYPE, whoever of the processes has it. Histograms become native ones with a bucket for each
// doubling; since values are whole numbers, le="1023" and the bound 1024 of our own buckets say the same, so the counts
// are exact.
#pragma once

#include <string>
#include <vector>

#include "workers/communication/status.hpp"

namespace of::communication {

inline constexpr std::string_view prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// A label's value as the format wants it: backslash, quote and newline escaped.
std::string escape_label(std::string_view value);
/// The text of HELP: backslash and newline escaped.
std::string escape_help(std::string_view text);

struct PrometheusInput {
    std::vector<Status::Page> pages;
    std::vector<WorkerView> workers;
    std::vector<RingView> rings;
    std::string instance;
    std::string version;
};

std::string render_prometheus(const PrometheusInput& input);

}  // namespace of::communication
