// Messages that say whether they are whole, and children that end with their parent: for tests that let processes write
// and read a ring while they are killed.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <iterator>

struct Message {
    uint64_t number;
    uint64_t words[5];
    uint64_t checksum;

    void fill(uint64_t n) {
        number = n;
        checksum = n;
        for (uint64_t i = 0; i < std::size(words); ++i) {
            words[i] = (n + i) * 0x9e37'79b9'7f4a'7c15;
            checksum ^= words[i];
        }
    }
    bool whole() const {
        uint64_t expected = number;
        for (const auto word : words) expected ^= word;
        return expected == checksum && words[0] == number * 0x9e37'79b9'7f4a'7c15;
    }
};
static_assert(sizeof(Message) == 56);

/// The next batch of messages from number `n` on, into slots that are claimed already.
template <typename Writer>
void publish(Writer& writer, uint64_t n, uint64_t batch) {
    for (uint64_t i = 0; i < batch; ++i) writer.template message<Message>(i).fill(n + i);
    writer.commit(batch);
}

/// The next value of a counter with one writer.
inline void bump(std::atomic<uint64_t>& counter, uint64_t n = 1) {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

template <typename Work>
pid_t start(Work work) {
    const auto child = fork();
    if (child != 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    work();
    _exit(0);
}

/// Kills it, reaps it, and says whether it had ended by itself, with success, before.
inline bool end(pid_t child) {
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
