#include "supervisor/death_watch.hpp"

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace of::supervisor {
namespace {

futex_waitv waiter(const std::atomic<uint32_t>& word, uint32_t expected, uint32_t flags) {
    return {.val = expected, .uaddr = reinterpret_cast<uint64_t>(&word), .flags = FUTEX_32 | flags, .__reserved = 0};
}

bool wait_for_any(std::vector<futex_waitv>& waiters) {
    const auto woken = syscall(SYS_futex_waitv, waiters.data(), waiters.size(), 0, nullptr, CLOCK_MONOTONIC);
    return woken >= 0 || errno == EAGAIN || errno == EINTR;
}

bool is_dead(uint32_t word) { return (word & FUTEX_OWNER_DIED) != 0; }

bool kernel_has_futex_waitv() { return syscall(SYS_futex_waitv, nullptr, 0, 0, nullptr, 0) < 0 && errno != ENOSYS; }

}  // namespace

DeathWatch::DeathWatch(std::vector<std::atomic<uint32_t>*> words)
    : words_(std::move(words)), awaited_(words_.size()), noticed_(words_.size()) {
    // What a former owner has left is no news.
    for (size_t i = 0; i < words_.size(); ++i)
        awaited_[i].store(!is_dead(words_[i]->load(std::memory_order_acquire)), std::memory_order_release);
    if (!kernel_has_futex_waitv()) return;
    event_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (event_ < 0) return;
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);                      // a word may lie on a page that is gone (bus_guard.hpp)
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the loop's
    thread_ = std::thread([this] { watch(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

DeathWatch::~DeathWatch() {
    if (!thread_.joinable()) return;
    stop_.store(1, std::memory_order_release);
    syscall(SYS_futex, &stop_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    thread_.join();
    close(event_);
}

std::vector<size_t> DeathWatch::take() {
    eventfd_t count = 0;
    eventfd_read(event_, &count);
    std::vector<size_t> dying;
    for (size_t i = 0; i < noticed_.size(); ++i) {
        const bool noticed = noticed_[i].exchange(0, std::memory_order_acq_rel) != 0;
        if (noticed && is_dead(words_[i]->load(std::memory_order_acquire))) dying.push_back(i);
    }
    return dying;
}

void DeathWatch::watch() {
    std::vector<futex_waitv> waiters(words_.size() + 1);
    while (stop_.load(std::memory_order_acquire) == 0) {
        bool any = false;
        for (size_t i = 0; i < words_.size(); ++i) {
            // Asked before the word is read: begin() may come in between, with an owner whose death is awaited anew.
            const bool awaited = awaited_[i].exchange(0, std::memory_order_acq_rel) != 0;
            const auto now = words_[i]->load(std::memory_order_acquire);
            waiters[i] = waiter(*words_[i], now, 0);
            if (!awaited) continue;
            const bool died = is_dead(now);
            (died ? noticed_ : awaited_)[i].store(1, std::memory_order_release);
            any = any || died;
        }
        waiters.back() = waiter(stop_, 0, FUTEX_PRIVATE_FLAG);
        if (any) eventfd_write(event_, 1);
        if (!wait_for_any(waiters)) return;
    }
}

}  // namespace of::supervisor
