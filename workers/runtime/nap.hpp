// Letting messages gather: a reader that works in batches is woken once for each batch, by the nap's age or by a ring's
// fill, and at once by a command or a call (shm/doorbell.hpp).
//
// A nap is taken inside poll(). Timers, signals and sockets are served meanwhile; the loop's heartbeat waits, so naps
// are short.
#pragma once

#include "workers/runtime/runtime.hpp"

namespace of {

class Nap {
  public:
    /// Naps last at most `length`. Without effect for a worker that is not to sleep.
    Nap(Runtime& runtime, std::chrono::nanoseconds length)
        : runtime_(runtime),
          bell_(runtime.attachment().own_doorbell()),
          length_(length),
          enabled_(runtime.options().wait == WaitMode::sleep) {}

    /// Until one writer has committed `fill` messages, or `done()`, which is asked after each handler of the event
    /// loop.
    template <typename Done>
    void take(uint32_t fill, Done done) {
        if (!enabled_) return;
        const auto began = std::chrono::steady_clock::now();
        bell_.prepare_nap(fill);
        while (bell_.sleeping() && !done() && runtime_.io().run_one_until(began + length_) != 0) {
        }
        bell_.awake();
        runtime_.napped(std::chrono::nanoseconds(std::chrono::steady_clock::now() - began).count());
    }
    /// Call at the end of a poll() that read everything there was. Single messages far apart cause no nap.
    void after_reading(size_t messages, uint32_t fill) {
        if (messages == 0) return;
        const auto now = mono_ns();
        const bool burst = now - last_read_ns_ < length_.count();
        last_read_ns_ = now;
        if (!burst) return;
        take(fill, [] { return false; });
        last_read_ns_ = mono_ns();
    }

  private:
    Runtime& runtime_;
    shm::DoorbellReader bell_;
    std::chrono::nanoseconds length_;
    bool enabled_;
    int64_t last_read_ns_ = 0;
};

}  // namespace of
