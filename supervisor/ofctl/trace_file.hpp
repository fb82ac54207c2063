// The hops of a correlation ID as Chrome trace JSON, which ui.perfetto.dev and chrome://tracing open.
//
// A track for each process. A hop is a slice from its time to the next hop in that process, and a flow of arrows goes
// from hop to hop. The format: "Trace Event Format", by the Catapult project.
#pragma once

#include <string>
#include <vector>

#include "proto/trace.hpp"

namespace of::ofctl {

struct FoundHop {
    TraceHop hop;
    std::string process;
};

/// `hops` in the order of their times.
std::string perfetto_of(CorrelationId id, const std::vector<FoundHop>& hops);

}  // namespace of::ofctl
