// A worker: a role plus the loop that every role shares.
//
// The loop takes a bounded batch from the rings, lets the event loop run, and sleeps on its doorbell only after a
// second look. It beats in the control page each turn, ticks each 100 ms, each second while nothing happens, obeys the
// supervisor's drain command, SIGTERM, and the death of its parent.
#pragma once

#include "workers/runtime/runtime.hpp"

namespace of {

class Worker {
  public:
    virtual ~Worker() = default;

    /// Open files, bind ports, connect channels: what needs more rights than sandbox() leaves.
    virtual Expected<void> start() = 0;
    /// What start() has left to be needed. In force before begin().
    virtual SandboxRules sandbox() const = 0;
    /// Turn to the world outside. The worker is ready when this returns.
    virtual void begin() {}
    /// Handles what the rings hold, a bounded batch; returns how many messages.
    virtual size_t poll() = 0;
    /// Whether poll() would find something: the second look before sleeping. True keeps the loop awake.
    virtual bool pending() const = 0;
    /// Each 100 ms; each second while no message, call or other event comes in and calm() agrees.
    virtual void tick(int64_t /*now_ns*/) {}
    /// Whether nothing is due within the second that only a tick would do.
    virtual bool calm() const { return true; }
    /// Begin to stop: take in nothing new, finish what was begun.
    virtual void drain() = 0;
    /// Whether all that drain() asked for is done.
    virtual bool drained() const = 0;
};

/// main() of a worker. `make` builds the role from its checked settings.
int run_worker(const WorkerProgram& program, int argc, char** argv,
               std::unique_ptr<Worker> (*make)(Runtime& runtime, const settings::Loaded& settings));

}  // namespace of
