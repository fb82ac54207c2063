// The control page: who runs, in which state, since when; heartbeats, cursors, and the words that say who sleeps.
//
// One ProcessSlot for each process, in the order of the topology. Each line has one writer: the supervisor writes
// `desk`, the process itself `own` and `cursors`; only `asleep` is shared, between a sleeper and those who wake it.
// Anyone may read. Times are CLOCK_MONOTONIC ns unless the name says wall.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "shm/layout.hpp"

namespace of::shm {

inline constexpr size_t processes_max = 16;
inline constexpr size_t cursors_max = 16;
inline constexpr uint32_t last_cause_max = 4;
/// A turn of a worker's loop that takes longer is an overrun: calls, commands and timers had to wait for it.
inline constexpr int64_t turn_limit_ns = 100'000'000;

/// Written by the supervisor.
struct alignas(line_bytes) DeskLine {
    char name[24];
    std::atomic<uint64_t> pid;          ///< 0 when it does not run
    std::atomic<uint64_t> start_time;   ///< field 22 of /proc/pid/stat
    std::atomic<uint32_t> incarnation;  ///< from 1; counts up with each start
    std::atomic<uint32_t> state;  ///< absent, spawned, stopped, failed, parked; `spawned` hands over to OwnLine::state
    std::atomic<uint64_t> restarts;  ///< starts after a death
    std::atomic<int64_t> spawn_ns;
    std::atomic<int64_t> next_start_ns;  ///< of a planned restart; 0 for none
    std::atomic<int64_t> last_exit_wall_ns;
    std::atomic<int32_t> last_exit_code;  ///< -1: killed by last_signal
    std::atomic<int32_t> last_signal;
    std::atomic<uint64_t> failures;    ///< in a row, without a healthy period; what the restart policy counts
    std::atomic<uint32_t> paused;      ///< 1: stopped by an operator, not to be taken for hung
    std::atomic<uint32_t> last_cause;  ///< of the last death: 0 its own, 1 hung, 2 late, 3 overdue, 4 commanded
    char reserved[24];
};
static_assert(sizeof(DeskLine) == 128);

/// Written by the process itself.
struct alignas(line_bytes) OwnLine {
    std::atomic<uint32_t> state;  ///< attaching, ready, running, draining; counts only if `incarnation` is the desk's
    std::atomic<uint32_t> incarnation;
    std::atomic<int64_t> ready_ns;
    std::atomic<int64_t> heartbeat_ns;
    std::atomic<uint64_t> turns;           ///< of the event loop
    std::atomic<uint64_t> messages;        ///< handled from all rings
    std::atomic<int64_t> longest_turn_ns;  ///< between two looks at the rings, since the start
    std::atomic<uint64_t> refused;         ///< messages that found a queue of this writer full
    std::atomic<uint64_t> overruns;        ///< turns longer than turn_limit_ns, since the start
    /// Robust futex: the main thread's id and FUTEX_WAITERS; the kernel adds FUTEX_OWNER_DIED when it begins to die.
    std::atomic<uint32_t> life;
    /// What it runs by: of the text it was started with, then each later one that changes nothing for it.
    std::atomic<uint32_t> config_generation;
    char reserved[56];
};
static_assert(sizeof(OwnLine) == 128);

/// Written by the process and by those who wake it (doorbell.hpp).
struct alignas(line_bytes) SleepLine {
    std::atomic<uint32_t> asleep;     ///< 0 awake; 1 wake at the first message; 2, 4, 6...: a nap, wake at `wake_fill`
    std::atomic<uint32_t> wake_fill;  ///< messages of one writer that end a nap
    char reserved[120];
};

/// How far a process has handled one broadcast ring. For storage and logger it outlives them: durable for as long as
/// the ring itself.
struct Cursor {
    char channel[32];
    std::atomic<uint64_t> generation;  ///< of the ring that `position` belongs to
    std::atomic<uint64_t> position;    ///< next to handle; everything before it is done with
    std::atomic<uint64_t> lost;        ///< messages that laps cost this reader, in all incarnations
    char reserved[8];
};
static_assert(sizeof(Cursor) == 64);

struct ProcessSlot {
    DeskLine desk;
    OwnLine own;
    SleepLine sleep;
    std::array<Cursor, cursors_max> cursors;
    char reserved[640];

    bool runs() const { return desk.pid.load(std::memory_order_acquire) != 0; }
};
static_assert(sizeof(ProcessSlot) == 2048 && offsetof(ProcessSlot, cursors) == 384);

/// The instance as a whole; written by the supervisor.
struct alignas(line_bytes) InstanceLine {
    std::atomic<uint64_t> supervisor_pid;
    std::atomic<uint64_t> supervisor_start;
    std::atomic<uint32_t> processes;  ///< slots in use
    std::atomic<uint32_t> fence;      ///< 1: membarrier is not to be had, writers must fence themselves
    std::atomic<uint32_t> stopping;   ///< 1 once the drain of all has begun
    std::atomic<uint32_t> takeovers;  ///< supervisors that found these segments and went on
    std::atomic<int64_t> started_wall_ns;
    char config_path[200];
    char state_dir[200];                      ///< holds the control socket, control.sock
    char governor[48];                        ///< the request budget is the segment <governor>.governor
    std::atomic<uint32_t> config_generation;  ///< from 1; counts up with each reload that took effect
    std::atomic<uint32_t> upgrades;           ///< times that this supervisor was executed anew with its workers alive
    std::atomic<uint32_t> remade;             ///< segments that broke while the instance ran, and were made anew
    std::atomic<uint32_t> hook_failures;      ///< finish hooks that failed, or did not end in time
    std::atomic<uint32_t> clock_steps;        ///< times that the wall clock was set while the instance ran
    char reserved[4];
};
static_assert(sizeof(InstanceLine) == 512);

struct ControlPage {
    static constexpr std::string_view layout = "control 4";

    InstanceLine instance;
    char reserved[1536];
    std::array<ProcessSlot, processes_max> processes;

    /// The slot of this name among those in use, or nullptr.
    ProcessSlot* find(std::string_view name) { return find_in(*this, name); }
    const ProcessSlot* find(std::string_view name) const { return find_in(*this, name); }

  private:
    template <typename Page>
    static auto find_in(Page& page, std::string_view name) -> decltype(&page.processes[0]) {
        const size_t used = std::min<size_t>(page.instance.processes.load(std::memory_order_acquire), processes_max);
        for (size_t i = 0; i < used; ++i) {
            const auto& text = page.processes[i].desk.name;
            if (name == std::string_view(text, strnlen(text, sizeof text))) return &page.processes[i];
        }
        return nullptr;
    }
};
static_assert(sizeof(ControlPage) == 2048 + processes_max * 2048 && std::is_standard_layout_v<ControlPage>);

/// The cursor for `channel` in this slot; takes a free one for a new channel. nullptr when all are taken.
inline Cursor* find_cursor(ProcessSlot& slot, std::string_view channel) {
    for (auto& cursor : slot.cursors) {
        const std::string_view taken(cursor.channel, strnlen(cursor.channel, sizeof cursor.channel));
        if (taken == channel) return &cursor;
        if (!taken.empty()) continue;
        std::memcpy(cursor.channel, channel.data(), std::min(channel.size(), sizeof cursor.channel - 1));
        return &cursor;
    }
    return nullptr;
}

}  // namespace of::shm
