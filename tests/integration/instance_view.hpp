// An instance as its segments tell it: read-only, from outside, also while its workers die and come back.
//
// What is mapped stays readable after the supervisor has unlinked it, so the view answers after the stop as well.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/topology.hpp"
#include "shm/control_page.hpp"
#include "shm/segment.hpp"
#include "tests/integration/latency.hpp"

namespace of::integration {

struct WorkerRow {
    ProcessId process;
    std::string name;
    uint64_t pid = 0;
    uint64_t start_time = 0;
    WorkerState state = WorkerState::absent;
    uint64_t restarts = 0;
};

/// Messages of one feed's market ring, counted one by one.
struct RingCount {
    uint64_t trades = 0;
    uint64_t agg_trades = 0;
};

class InstanceView {
  public:
    static Expected<InstanceView> open(const std::string& instance);

    const shm::ControlPage& control() const { return control_.page<shm::ControlPage>(); }
    std::vector<WorkerRow> workers() const;
    uint64_t restarts() const;
    /// Market messages that laps cost `reader`, in all its incarnations.
    uint64_t lapped(std::string_view reader) const;
    /// Sum over all processes of this kind, as last published.
    uint64_t metric(ProcessKind kind, std::string_view name, std::string_view labels = "") const;
    Quantiles latency(ProcessKind kind, std::string_view name) const;
    /// Nothing when a ring has been overwritten since its start, so that it cannot be counted any more.
    std::optional<RingCount> count_market() const;

  private:
    InstanceView(std::string instance, shm::Segment control)
        : instance_(std::move(instance)), control_(std::move(control)) {}
    Expected<void> open_pages();
    std::optional<RingCount> count_ring(const shm::Segment& ring) const;

    std::string instance_;
    shm::Segment control_;
    std::vector<std::pair<ProcessId, shm::Segment>> metrics_;
    std::vector<shm::Segment> markets_;
};

/// Whether this very process (not a later one of the same number) lives.
bool lives(uint64_t pid, uint64_t start_time);

}  // namespace of::integration
