// The page /metrics: Prometheus text format 0.0.4 of every process's metrics, and of what the control page and the
// rings say.
#pragma once

#include <string>
#include <vector>

#include "workers/communication/status.hpp"

namespace of::communication {

inline constexpr std::string_view prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

struct PrometheusInput {
    std::vector<Status::Page> pages;
    std::vector<WorkerView> workers;
    std::vector<RingView> rings;
    std::string instance;
    std::string version;
};

std::string render_prometheus(const PrometheusInput& input);

}  // namespace of::communication
