#include "shm/life.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace of::shm {
namespace {

// The kernel follows the list through this process's memory; the offset leads from its one node to the word.
robust_list node;
robust_list_head head;

void say(std::atomic<uint32_t>& word, uint32_t value) {
    word.store(value, std::memory_order_release);
    syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace

Life::Life(std::atomic<uint32_t>& word) : word_(word) {
    node.next = &head.list;
    head.list.next = &node;
    head.futex_offset = reinterpret_cast<intptr_t>(&word) - reinterpret_cast<intptr_t>(&node);
    head.list_op_pending = nullptr;
    // Whoever waits on the predecessor's value is to wait on this one.
    say(word, static_cast<uint32_t>(gettid()) | FUTEX_WAITERS);
    syscall(SYS_set_robust_list, &head, sizeof head);
}

Life::~Life() {
    head.list.next = &head.list;
    say(word_, FUTEX_WAITERS | FUTEX_OWNER_DIED);  // as the kernel does
}

}  // namespace of::shm
