// Two processes on two cores that measure one transport, bracketed by the floor: the round trip of two flags on two
// cache lines, measured before and after each figure in the same processes, since a virtual machine's cores change
// their speed by themselves. Only ratios to it count.
//
// A transport is a struct with
//   static constexpr const char* name; static constexpr size_t payload;   bytes of a message
//   Transport();                            before the fork: makes what both sides share
//   void writer(); void reader();           after it, each in its own process (optional work)
//   bool send(uint64_t n);                  false when full; fills the payload
//   bool receive(uint64_t& n);              false when empty; reads the payload
#pragma once

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/bench/clock.hpp"

namespace of::bench {

struct Quantiles {
    double p50 = 0, p99 = 0, p999 = 0, max = 0;  ///< ns
    double middle = 0;  ///< mean of the middle half: p50 without the steps of the time stamp counter, for ratios
};

/// What one pair of processes found.
struct Sample {
    double floor_ns = 0;             ///< middle of the two-flag round trip, mean of before and after
    double messages_per_second = 0;  ///< one way
    double writer_ns = 0;            ///< time of the writer for each message, one way
    Quantiles round_trip;            ///< ns
    uint64_t wrong = 0;              ///< messages out of order or damaged: must be 0
};

struct Amount {
    uint64_t messages = 2'000'000;
    uint64_t round_trips = 20'000;
};

namespace detail {

constexpr uint64_t floor_trips = 4'000;

/// Bits of words that this process read and found wrong.
inline uint64_t damage = 0;

struct alignas(128) Flag {
    std::atomic<uint64_t> value{0};
};

/// Between the two processes; zeroed memory.
struct Shared {
    Flag ping, pong;
    Flag arrived[2];
    double floor_before = 0, floor_after = 0, seconds = 0, writer_seconds = 0;
    Quantiles round_trip;
    uint64_t wrong = 0;
    uint64_t damaged[2] = {};
};

inline void pause_briefly() {}

template <typename T>
T* shared_block() {
    void* at = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (at == MAP_FAILED) throw std::runtime_error("no shared memory for a benchmark");
    return new (at) T();
}
struct Unmap {
    template <typename T>
    void operator()(T* block) const {
        munmap(block, sizeof(T));
    }
};

/// Both sides meet here; spins, and lets others run when the other side is late.
inline void meet(Shared& shared, int side) {
    const auto round = shared.arrived[side].value.load(std::memory_order_relaxed) + 1;
    shared.arrived[side].value.store(round, std::memory_order_release);
    for (uint64_t spins = 0; shared.arrived[1 - side].value.load(std::memory_order_acquire) < round; ++spins) {
        if (spins > 10'000) sched_yield();
        pause_briefly();
    }
}

inline Quantiles quantiles_of(std::vector<uint64_t>& ticks) {
    std::ranges::sort(ticks);
    const auto at = [&](double q) {
        return ns_of_ticks(
            ticks[std::min(ticks.size() - 1, static_cast<size_t>(q * static_cast<double>(ticks.size())))]);
    };
    const auto quarter = static_cast<ptrdiff_t>(ticks.size() / 4);
    const auto sum = std::accumulate(ticks.begin() + quarter, ticks.end() - quarter, uint64_t{0});
    const auto middle = ns_of_ticks(sum) / static_cast<double>(static_cast<ptrdiff_t>(ticks.size()) - 2 * quarter);
    return {at(0.5), at(0.99), at(0.999), at(1.0), middle};
}

/// Side 0 asks and measures, side 1 answers. `base`: the trips that were made before.
inline double floor_round_trip(Shared& shared, int side, uint64_t base) {
    std::vector<uint64_t> ticks;
    ticks.reserve(floor_trips);
    meet(shared, side);
    for (uint64_t i = 1; i <= floor_trips; ++i) {
        if (side == 0) {
            const auto start = now_ticks();
            shared.ping.value.store(base + i, std::memory_order_release);
            while (shared.pong.value.load(std::memory_order_acquire) != base + i) pause_briefly();
            ticks.push_back(now_ticks() - start);
        } else {
            while (shared.ping.value.load(std::memory_order_acquire) != base + i) pause_briefly();
            shared.pong.value.store(base + i, std::memory_order_release);
        }
    }
    meet(shared, side);
    return side == 0 ? quantiles_of(ticks).middle : 0;
}

template <typename Transport>
void stream(Shared& shared, Transport& there, int side, uint64_t messages) {
    meet(shared, side);
    const auto start = now_ticks();
    if (side == 0) {
        for (uint64_t n = 1; n <= messages; ++n) {
            while (!there.send(n)) pause_briefly();
        }
        shared.writer_seconds = ns_of_ticks(now_ticks() - start) / 1e9;
    } else {
        uint64_t got = 0;
        for (uint64_t n = 1; n <= messages; ++n) {
            while (!there.receive(got)) pause_briefly();
            shared.wrong += got != n;
        }
        shared.seconds = ns_of_ticks(now_ticks() - start) / 1e9;
    }
    meet(shared, side);
}

/// A transport that streams in batches has another way for one message.
template <typename Transport>
bool send_alone(Transport& there, uint64_t n) {
    if constexpr (requires { there.send_alone(n); }) {
        return there.send_alone(n);
    } else {
        return there.send(n);
    }
}

template <typename Transport>
void round_trips(Shared& shared, Transport& there, Transport& back, int side, uint64_t trips) {
    if (trips == 0) return;
    std::vector<uint64_t> ticks;
    ticks.reserve(trips);
    uint64_t got = 0;
    meet(shared, side);
    for (uint64_t n = 1; n <= trips; ++n) {
        if (side == 0) {
            const auto start = now_ticks();
            while (!send_alone(there, n)) pause_briefly();
            while (!back.receive(got)) pause_briefly();
            ticks.push_back(now_ticks() - start);
            shared.wrong += got != n;
        } else {
            while (!there.receive(got)) pause_briefly();
            while (!send_alone(back, got)) pause_briefly();
        }
    }
    meet(shared, side);
    if (side == 0) shared.round_trip = quantiles_of(ticks);
}

inline void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(core), &set);
    sched_setaffinity(0, sizeof set, &set);  // where it is refused, the scheduler's choice stands
}

template <typename Transport>
void play(Shared& shared, Transport& there, Transport& back, int side, const Amount& amount) {
    pin(side);
    side == 0 ? there.writer() : there.reader();
    side == 0 ? back.reader() : back.writer();
    const auto before = floor_round_trip(shared, side, 0);
    stream(shared, there, side, amount.messages);
    round_trips(shared, there, back, side, amount.round_trips);
    const auto after = floor_round_trip(shared, side, floor_trips);
    shared.damaged[side] = damage != 0;
    if (side == 0) {
        shared.floor_before = before;
        shared.floor_after = after;
    }
}

}  // namespace detail

/// One sample of a transport, in two fresh processes. Throws when the other process died.
template <typename Transport>
Sample measure(const Amount& amount) {
    using namespace detail;
    ns_per_tick();  // once, before the processes part
    const std::unique_ptr<Shared, Unmap> shared(shared_block<Shared>());
    Transport there, back;
    std::array<pid_t, 2> children{};
    for (int side = 0; side < 2; ++side) {
        children[static_cast<size_t>(side)] = fork();
        if (children[static_cast<size_t>(side)] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            play(*shared, there, back, side, amount);
            _exit(0);
        }
    }
    bool good = true;
    for (const auto child : children) {
        int status = 0;
        good =
            child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0 && good;
        // Without its partner a process would wait for ever.
        if (!good) {
            for (const auto other : children) {
                if (other > 0) kill(other, SIGKILL);
            }
        }
    }
    if (!good) throw std::runtime_error(std::string("a process of ") + Transport::name + " died");
    return {.floor_ns = (shared->floor_before + shared->floor_after) / 2,
            .messages_per_second = static_cast<double>(amount.messages) / shared->seconds,
            .writer_ns = shared->writer_seconds / static_cast<double>(amount.messages) * 1e9,
            .round_trip = shared->round_trip,
            .wrong = shared->wrong + shared->damaged[0] + shared->damaged[1]};
}

}  // namespace of::bench
