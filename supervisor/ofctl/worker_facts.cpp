#include "supervisor/ofctl/worker_facts.hpp"

#include <fmt/format.h>

namespace of::ofctl {

int64_t age_ns(const std::atomic<int64_t>& since) {
    return static_cast<int64_t>(static_cast<uint64_t>(mono_now()) -
                                static_cast<uint64_t>(since.load(std::memory_order_relaxed)));
}

int64_t heartbeat_age_ns(const ProcessView& process) { return age_ns(process.slot->own.heartbeat_ns); }

std::optional<int64_t> ready_age_ns(const ProcessView& process) {
    const bool ready = process.state == WorkerState::ready || process.state == WorkerState::running ||
                       process.state == WorkerState::draining;
    if (!process.alive || !ready) return {};
    return age_ns(process.slot->own.ready_ns);
}

std::string last_exit(const shm::DeskLine& desk) {
    if (desk.last_exit_wall_ns.load(std::memory_order_relaxed) == 0) return "";
    const auto code = desk.last_exit_code.load(std::memory_order_relaxed);
    if (code >= 0) return fmt::format("code {}", code);
    const auto number = desk.last_signal.load(std::memory_order_relaxed);
    return number == 0 ? "unknown" : fmt::format("signal {}", number);
}

uint64_t lost(const ProcessView& process) {
    uint64_t sum = 0;
    for (const auto& cursor : process.slot->cursors) sum += cursor.lost.load(std::memory_order_relaxed);
    return sum;
}

std::string uptime(const ProcessView& process) {
    return process.alive ? span_text(age_ns(process.slot->desk.spawn_ns)) : "-";
}

Tone tone_of(const ProcessView& process) {
    if (process.well()) return Tone::good;
    return process.alive ? Tone::warn : Tone::bad;
}

std::optional<ProcessFacts> facts_of(const ProcessView& process) {
    if (!process.alive) return {};
    return process_facts(fmt::format("/proc/{}", process.slot->desk.pid.load(std::memory_order_relaxed)));
}

}  // namespace of::ofctl
