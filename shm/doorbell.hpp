// How a sleeping process is woken: one `asleep` word in the control page and one eventfd, made by the supervisor before
// the fork.
//
// Reader: prepare_sleep(); look at all rings once more; sleep in its event loop on the eventfd; awake().
// Writer: commit; ring(): a plain load, and only if the reader says that it sleeps, an exchange and one write(2). A
// burst costs one wake. The store-load fence is the reader's: it issues membarrier(GLOBAL_EXPEDITED), for which every
// writer has registered, so that the writer needs none. Where the kernel refuses membarrier, both sides use a full
// fence instead.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace of::shm {

/// Registers this process for membarrier; false where it is not to be had. Call once, before the first ring().
bool register_membarrier();
void membarrier_global();

/// The writer's end of one reader's doorbell.
class DoorbellWriter {
  public:
    DoorbellWriter(std::atomic<uint32_t>& asleep, int event_fd, bool fence)
        : asleep_(&asleep), event_fd_(event_fd), fence_(fence) {}

    /// Call after each commit. True when a wake was sent.
    bool ring() const {
        if (fence_) {
            std::atomic_thread_fence(std::memory_order_seq_cst);
        } else {
            std::atomic_signal_fence(std::memory_order_seq_cst);  // the reader's membarrier is the other half
        }
        if (asleep_->load(std::memory_order_relaxed) == 0) return false;
        if (asleep_->exchange(0, std::memory_order_acq_rel) == 0) return false;
        const uint64_t one = 1;
        return write(event_fd_, &one, sizeof one) == sizeof one;
    }

  private:
    std::atomic<uint32_t>* asleep_;
    int event_fd_;
    bool fence_;
};

/// The reader's end: owned by its event loop.
class DoorbellReader {
  public:
    DoorbellReader(std::atomic<uint32_t>& asleep, int event_fd, bool fence)
        : asleep_(&asleep), event_fd_(event_fd), fence_(fence) {}

    /// After this every commit either is seen by a second look at the rings, or rings.
    void prepare_sleep() const {
        asleep_->store(1, std::memory_order_seq_cst);
        if (fence_) {
            std::atomic_thread_fence(std::memory_order_seq_cst);
        } else {
            membarrier_global();
        }
    }
    void awake() const { asleep_->store(0, std::memory_order_relaxed); }
    /// Empties the eventfd after a wake.
    void drain() const {
        uint64_t count = 0;
        [[maybe_unused]] const auto bytes = read(event_fd_, &count, sizeof count);
    }
    int event_fd() const { return event_fd_; }

  private:
    std::atomic<uint32_t>* asleep_;
    int event_fd_;
    bool fence_;
};

}  // namespace of::shm
