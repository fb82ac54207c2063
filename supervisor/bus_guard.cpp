#include "supervisor/bus_guard.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

namespace of::supervisor {
namespace {

std::atomic<uint64_t> replaced_pages{0};
const auto page_bytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
static_assert(std::atomic<uint64_t>::is_always_lock_free);

/// async-signal-safe: mmap is a plain system call here.
void replace_page(int number, siginfo_t* info, void*) {
    const auto page = reinterpret_cast<uintptr_t>(info->si_addr) / page_bytes * page_bytes;
    const bool lost =
        info->si_code == BUS_ADRERR && mmap(reinterpret_cast<void*>(page), page_bytes, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
    if (lost) {
        replaced_pages.fetch_add(1, std::memory_order_relaxed);
    } else {
        std::signal(number, SIG_DFL);
        std::raise(number);  // comes when this handler returns
    }
}

}  // namespace

void survive_lost_pages() {
    struct sigaction action{};
    action.sa_sigaction = replace_page;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, nullptr);
}

uint64_t bus_faults() { return replaced_pages.load(std::memory_order_relaxed); }

}  // namespace of::supervisor
