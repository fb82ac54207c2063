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

    /// `unavailable` at once when the server does not run.
    void call(ProcessId server, Caller::Request request, Caller::OnRow on_row, Caller::OnEnd on_end);

    size_t poll();
    bool pending() const;
    void expire(int64_t now_ns);

  private:
    struct Line {
        ProcessId server;
        std::unique_ptr<Caller> caller;
    };
    Runtime& runtime_;
    std::vector<Line> lines_;
};

}  // namespace of::communication
