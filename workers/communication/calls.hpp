// The requests that this worker makes of others: trades and totals of storage, books and status of the feed workers.
//
// Each leaves trace hops `called` and `answered`. A server that is dead is told from one that is slow before anything
// is sent; each call ends exactly once. Owned by the event loop; opened before `ready`.
#pragma once

#include "workers/runtime/runtime.hpp"

namespace of::communication {

class Calls {
  public:
    explicit Calls(Runtime& runtime) : runtime_(runtime) {}
    Expected<void> open();

    /// `unavailable` at once when the server does not run, `circuit_open` when it has failed too often.
    void call(ProcessId server, Caller::Request request, Caller::OnRow on_row, Caller::OnEnd on_end);

    /// How long the server's circuit breaker stays open; 0 where it is closed.
    int64_t retry_in_ns(ProcessId server) const;
    /// Whether no call waits for its end.
    bool idle() const;

    size_t poll();
    bool pending() const;
    void expire(int64_t now_ns);

  private:
    struct Line {
        ProcessId server;
        std::unique_ptr<Caller> caller;
        CircuitBreaker* breaker;
        uint32_t incarnation;  ///< of the server, at the last call
    };
    uint32_t incarnation_of(ProcessId process) const;
    /// Whether the server may be called, after a word to the breaker if it is another process than last time.
    shm::Permit allow(Line& line);
    static void report(CircuitBreaker& breaker, const shm::Permit& permit, CallStatus status,
                       CorrelationId correlation);
    Runtime& runtime_;
    std::vector<Line> lines_;
};

}  // namespace of::communication
