// The instance as it is now, read from shared memory: workers from the control page, rings from their headers and the
// readers' cursors, metrics from every process's page. Read-only; everything is mapped before `ready`, so that asking
// costs no system call.
#pragma once

#include <string>
#include <vector>

#include "workers/runtime/runtime.hpp"

namespace of::communication {

/// A worker whose heartbeat is older is not counted as running; its own loop beats ten times a second.
inline constexpr int64_t heartbeat_fresh_ms = 3000;

struct WorkerView {
    std::string name;
    WorkerState state;
    uint64_t pid;
    uint32_t incarnation;
    uint64_t restarts;
    int64_t uptime_ms;         ///< since it said ready; 0 while it does not run
    int64_t heartbeat_age_ms;  ///< 0 while it does not run
    bool healthy;              ///< running, alive, and its heartbeat is fresh
};

struct RingView {
    struct Lag {
        std::string reader;
        uint64_t messages;  ///< committed and not yet done with
        uint64_t lost;      ///< skipped by laps, in all incarnations of the reader
    };
    std::string name;
    uint64_t published;
    uint64_t slots;
    std::vector<Lag> lags;
};

class Status {
  public:
    explicit Status(Runtime& runtime) : runtime_(runtime) {}
    /// Maps the rings and metric pages.
    Expected<void> open();

    std::vector<WorkerView> workers() const;
    /// The market and log rings.
    std::vector<RingView> rings() const;

    struct Page {
        std::string worker;
        shm::MetricsSnapshot metrics;
    };
    std::vector<Page> metrics() const;

    /// How far storage has committed this ring; nothing when its cursor belongs to another ring.
    std::optional<uint64_t> stored_position(const shm::Segment& market) const;

    Runtime& runtime() const { return runtime_; }

  private:
    WorkerView view(const shm::ProcessSlot& slot, ProcessId process, int64_t now_ns) const;

    Runtime& runtime_;
    std::vector<shm::Segment> rings_;
    std::vector<std::pair<std::string, shm::Segment>> pages_;
};

}  // namespace of::communication
