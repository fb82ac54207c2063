// The early notice of a death: 0.1-0.2 ms after the kill, whatever the size of the victim's memory.
//
// Each worker keeps the address of OwnLine::life in its robust futex list (set_robust_list(2)). The kernel marks that
// word FUTEX_OWNER_DIED before it takes the memory down, and only after that the pidfd becomes readable. One thread of
// the supervisor sleeps on all of these words (futex_waitv(2)) and passes the notice on through an eventfd. A notice
// prepares, it does not confirm: what the dying one could still do, it may do until its pidfd is readable. On a busy
// machine the thread may be later than the pidfd; what it has to say of a predecessor then counts no more. On a kernel
// without futex_waitv (before 5.16) there is no early notice.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace of::supervisor {

class DeathWatch {
  public:
    /// `words` outlive the watch; at most 127.
    explicit DeathWatch(std::vector<std::atomic<uint32_t>*> words);
    ~DeathWatch();
    DeathWatch(const DeathWatch&) = delete;

    /// Readable when there is a notice to take; -1 without early notice.
    int event_fd() const { return event_; }
    /// The owner of word `number` has ended, and another one is to come: a notice of the former is no news any more.
    void begin(size_t number) {
        words_[number]->store(0, std::memory_order_release);
        awaited_[number].store(1, std::memory_order_release);
    }
    /// Numbers of the words whose owners have begun to die since the last call, and still are the last owners.
    std::vector<size_t> take();

  private:
    void watch();
    std::vector<std::atomic<uint32_t>*> words_;
    std::vector<std::atomic<uint32_t>> awaited_;  ///< 1: an owner is to come, or lives as far as is known
    std::vector<std::atomic<uint32_t>> noticed_;  ///< 1: not yet taken
    std::atomic<uint32_t> stop_{0};
    int event_ = -1;
    std::thread thread_;
};

}  // namespace of::supervisor
