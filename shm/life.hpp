// Whether a process of the instance lives, by its word in the control page (OwnLine::life). The kernel keeps that word
// true wherever it looks from: /proc may hide a process (ProtectProc=, hidepid, a Landlock domain of its own), and a
// number may have passed to a stranger.
#pragma once

#include <linux/futex.h>

#include "shm/control_page.hpp"

namespace of::shm {

/// Makes `word` this thread's robust futex: the kernel marks it when the thread dies, before it takes the memory down.
/// Replaces the thread's robust list, so the thread may use no robust mutex. One at a time, of the main thread. Who
/// ends in order marks its word itself: the page is unmapped before the process is over.
class Life {
  public:
    explicit Life(std::atomic<uint32_t>& word);
    ~Life();
    Life(const Life&) = delete;

  private:
    std::atomic<uint32_t>& word_;
};

/// Not for a process that was started and has not come to its word yet.
inline bool has_bound_life(const ProcessSlot& slot) {
    return (slot.own.life.load(std::memory_order_acquire) & FUTEX_TID_MASK) != 0;
}

/// Also for one that was started a moment ago.
inline bool lives(const ProcessSlot& slot) {
    return slot.runs() && (slot.own.life.load(std::memory_order_acquire) & FUTEX_OWNER_DIED) == 0;
}

}  // namespace of::shm
