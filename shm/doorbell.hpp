// How a sleeping process is woken: its SleepLine in the control page and one eventfd, made by the supervisor before the
// fork.
//
// A reader sleeps in one of two ways. Asleep, it is woken by the first message. In a nap it lets messages gather: it is
// woken when one writer has committed `wake_fill` of them, or by its own timer at an age; only writers that cannot wait
// (commands, events, calls, replies: the queues) wake it at once. So a burst costs one wake, and a reader that works in
// batches pays one for each batch.
//
// Reader: prepare_sleep(); look at all rings once more; sleep in its event loop on the eventfd; awake().
// Writer: commit; ring(): a plain load, and only if the reader says that it sleeps, an exchange and one write(2). The
// store-load fence is the reader's: it issues membarrier(GLOBAL_EXPEDITED), for which every writer has registered, so
// that the writer needs none. Where the kernel refuses membarrier, both sides use a full fence instead. A nap needs
// neither: a message that it does not see waits for the nap's end.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "shm/control_page.hpp"

namespace of::shm {

inline constexpr uint32_t sleep_awake = 0;
inline constexpr uint32_t sleep_until_first = 1;

/// Registers this process for membarrier; false where it is not to be had. Call once, before the first ring().
bool register_membarrier();
void membarrier_global();

enum class WakeAt : uint8_t {
    first,  ///< a nap ends at the first message
    fill,   ///< a nap ends when `wake_fill` messages have gathered
};

/// The writer's end of one reader's doorbell. Owned by the ring's writer.
class DoorbellWriter {
  public:
    DoorbellWriter(SleepLine& sleep, int event_fd, bool fence, WakeAt wake_at = WakeAt::first)
        : sleep_(&sleep), event_fd_(event_fd), fence_(fence), wake_at_(wake_at) {}

    /// Call after each commit, of `count` messages. True when a wake was sent.
    bool ring(uint64_t count = 1) {
        if (fence_) {
            std::atomic_thread_fence(std::memory_order_seq_cst);
        } else {
            std::atomic_signal_fence(std::memory_order_seq_cst);  // the reader's membarrier is the other half
        }
        const auto asleep = sleep_->asleep.load(std::memory_order_relaxed);
        if (asleep == sleep_awake) [[likely]]
            return false;
        if (asleep != sleep_until_first && wake_at_ == WakeAt::fill && !filled(asleep, count)) return false;
        if (sleep_->asleep.exchange(sleep_awake, std::memory_order_acq_rel) == sleep_awake) return false;
        const uint64_t one = 1;
        return write(event_fd_, &one, sizeof one) == sizeof one;
    }

  private:
    /// Counts what this writer has committed during the nap.
    bool filled(uint32_t nap, uint64_t count) {
        if (nap != nap_) gathered_ = 0;
        nap_ = nap;
        gathered_ += count;
        return gathered_ >= sleep_->wake_fill.load(std::memory_order_relaxed);
    }

    SleepLine* sleep_;
    uint64_t gathered_ = 0;
    uint32_t nap_ = 0;
    int event_fd_;
    bool fence_;
    WakeAt wake_at_;
};

/// The reader's end: owned by its event loop.
class DoorbellReader {
  public:
    DoorbellReader(SleepLine& sleep, int event_fd, bool fence) : sleep_(&sleep), event_fd_(event_fd), fence_(fence) {}

    /// After this every commit either is seen by a second look at the rings, or rings.
    void prepare_sleep() const {
        sleep_->asleep.store(sleep_until_first, std::memory_order_seq_cst);
        if (fence_) {
            std::atomic_thread_fence(std::memory_order_seq_cst);
        } else {
            membarrier_global();
        }
    }
    /// Begins a nap; `fill` messages of one writer end it, besides whatever timer the caller sets.
    void prepare_nap(uint32_t fill) {
        nap_ = nap_ >= UINT32_MAX - 3 ? 2 : nap_ + 2;
        sleep_->wake_fill.store(fill, std::memory_order_relaxed);
        sleep_->asleep.store(nap_, std::memory_order_release);  // with its fill
    }
    /// Whether nobody has rung since prepare_sleep() or prepare_nap().
    bool sleeping() const { return sleep_->asleep.load(std::memory_order_relaxed) != sleep_awake; }
    void awake() const { sleep_->asleep.store(sleep_awake, std::memory_order_relaxed); }
    /// Empties the eventfd after a wake.
    void drain() const {
        uint64_t count = 0;
        [[maybe_unused]] const auto bytes = read(event_fd_, &count, sizeof count);
    }
    int event_fd() const { return event_fd_; }

  private:
    SleepLine* sleep_;
    uint32_t nap_ = 0;
    int event_fd_;
    bool fence_;
};

}  // namespace of::shm
