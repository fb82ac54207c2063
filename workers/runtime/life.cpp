#include "workers/runtime/life.hpp"

#include <linux/futex.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

namespace of {

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

bool pass_gate(int gate) {
    uint64_t word = 0;
    ssize_t bytes = send(gate, "", 1, MSG_NOSIGNAL);
    do bytes = read(gate, &word, sizeof word);
    while (bytes < 0 && errno == EINTR);
    close(gate);
    return bytes == sizeof word;
}

}  // namespace of
