// The role: everything downstream. Joins the rings, the calls, the clients and the HTTP server to the worker's loop.
#pragma once

#include "workers/communication/sandbox_rules.hpp"
#include "workers/communication/server.hpp"
#include "workers/runtime/worker.hpp"

namespace of::communication {

class Communication : public Worker {
  public:
    Communication(Runtime& runtime, CommunicationSettings settings)
        : settings_(std::move(settings)),
          status_(runtime),
          calls_(runtime),
          fanout_(runtime, pool_),
          backlog_(runtime, calls_, fanout_, status_, pool_),
          clients_(runtime, settings_, fanout_, backlog_, pool_),
          api_(status_, calls_, fanout_),
          server_(runtime, settings_, api_, clients_) {}

    Expected<void> start() override {
        return status_.open()
            .and_then([this] { return calls_.open(); })
            .and_then([this] { return fanout_.open(); })
            .and_then([this] { return server_.open(); });
    }
    SandboxRules sandbox() const override { return sandbox_rules(); }
    size_t poll() override { return fanout_.poll() + calls_.poll(); }
    bool pending() const override { return fanout_.pending() || calls_.pending(); }
    void tick(int64_t now_ns) override {
        calls_.expire(now_ns);
        clients_.tick(now_ns);
    }
    bool calm() const override { return calls_.idle(); }
    void drain() override {
        server_.drain();
        clients_.drain();
    }
    bool drained() const override { return server_.drained() && clients_.count() == 0; }

  private:
    CommunicationSettings settings_;
    FramePool pool_;
    Status status_;
    Calls calls_;
    Fanout fanout_;
    Backlog backlog_;
    Clients clients_;
    HttpApi api_;
    Server server_;
};

}  // namespace of::communication
