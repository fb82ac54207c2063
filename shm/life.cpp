#include "shm/life.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace of::shm {

void bind_life(std::atomic<uint32_t>& word) {
    // The kernel follows the list through this process's memory; the offset leads from its one node to the word.
    static robust_list node;
    static robust_list_head head;
    node.next = &head.list;
    head.list.next = &node;
    head.futex_offset = reinterpret_cast<intptr_t>(&word) - reinterpret_cast<intptr_t>(&node);
    head.list_op_pending = nullptr;
    word.store(static_cast<uint32_t>(gettid()) | FUTEX_WAITERS, std::memory_order_release);
    syscall(SYS_set_robust_list, &head, sizeof head);
    // Whoever waits on the predecessor's value is to wait on this one.
    syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace of::shm
