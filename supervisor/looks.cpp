// What the supervisor sees when it looks around, at its pace and when a worker rings: the workers' words and
// heartbeats, its segments, the wall clock.
#include <algorithm>
#include <cstdlib>

#include "supervisor/bus_guard.hpp"
#include "supervisor/supervisor.hpp"

namespace of::supervisor {

/// The workers' own words: read when one of them rings, and at each look.
void Supervisor::look_at_states() {
    for (size_t i = 0; i < workers_.size(); ++i) {
        workers_[i]->wire->take_events();
        crew_.says(i, own_state(*workers_[i]->slot), now_ns());
    }
    if (reload_) step_reload();
    if (taken_over_) restart_those_ahead();
}

void Supervisor::look() {
    const auto now = now_ns();
    instance_.control().processes[0].own.heartbeat_ns.store(now, std::memory_order_relaxed);
    look_at_clock();
    look_at_states();
    for (size_t i = 0; i < workers_.size(); ++i)
        crew_.look_at_beat(i, workers_[i]->slot->own.heartbeat_ns.load(std::memory_order_relaxed), now);
    note_starts();
    if (now >= next_segment_look_ns_ || bus_faults() != bus_faults_seen_) look_at_segments();
    if (mending_) step_mending();
    const auto pace = std::min(mending_ ? HangJudge::look_ns : HangJudge::calm_look_ns, notify_.alive_every_ns());
    next_look_ns_ = std::min(now + pace, crew_.next_look_ns());
    if (!notify_.wanted()) return;
    notify_.status(status_line());
    notify_.alive(now);
    ask_for_time(now);
}

/// Nobody else knows a process without it, and when it was spawned there may have been no descriptor to read it by.
void Supervisor::note_starts() {
    for (const auto& worker : workers_) {
        auto& desk = worker->slot->desk;
        const auto pid = desk.pid.load(std::memory_order_relaxed);
        if (pid != 0 && desk.start_time.load(std::memory_order_relaxed) == 0)
            desk.start_time.store(shm::process_start(pid), std::memory_order_relaxed);
    }
}

void Supervisor::look_at_clock() {
    constexpr int64_t between_ns = 10 * ns_per_ms;
    const auto before = now_ns(CLOCK_BOOTTIME);
    const auto wall = now_ns(CLOCK_REALTIME);
    if (now_ns(CLOCK_BOOTTIME) - before > between_ns) return;  // held up between the two: the next look will do
    const auto step = wall_clock_.look(wall, before);
    if (step == 0) return;
    auto& steps = instance_.control().instance.clock_steps;
    steps.store(steps.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    journal_->write(log_event::clock_set, next_correlation(), step > 0 ? "forward" : "back",
                    static_cast<uint64_t>(std::abs(step) / ns_per_ms));
}

/// A start takes as long as its workers may take to be ready, a stop as long as they may take to drain, one group after
/// the other: what ends either is a deadline of ours.
void Supervisor::ask_for_time(int64_t now) {
    constexpr int64_t margin_ns = 5'000'000'000;
    int64_t longest_start_ns = 0;
    for (size_t i = 0; i < crew_.size(); ++i)
        longest_start_ns = std::max(longest_start_ns, crew_[i].settings.ready_timeout_ns);
    const auto start_ends_ns = started_ns_ + longest_start_ns;
    const bool starts = !crew_.announced() && now < start_ends_ns;
    const auto ends_ns = crew_.stopping() ? crew_.next_deadline_ns() : start_ends_ns;
    if ((crew_.stopping() || starts) && ends_ns != Crew::never)
        notify_.extend(std::max<int64_t>(0, ends_ns - now) + margin_ns);
}

}  // namespace of::supervisor
