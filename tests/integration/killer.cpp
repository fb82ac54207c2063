#include "tests/integration/killer.hpp"

#include <array>

#include "workers/runtime/clock.hpp"

namespace of::integration {

void Killer::start(int64_t now_ns) { plan_next(now_ns); }

void Killer::plan_next(int64_t now_ns) {
    if (options_.victims.empty() || (options_.kills_max != 0 && kills_.size() >= options_.kills_max)) {
        victim_.clear();
        return;
    }
    victim_ = choose();
    const auto interval_ns = options_.every.count() * ns_per_ms;
    const bool random = options_.victims.front() == "random";
    // Half to one and a half intervals, so that kills meet every phase of a restart.
    const auto share = random ? std::uniform_int_distribution<int64_t>(500, 1500)(random_) : 1000;
    due_ns_ = now_ns + interval_ns / 1000 * share;
}

std::string Killer::choose() {
    static constexpr std::array<std::string_view, 4> workers{"binance", "storage", "communication", "logger"};
    if (options_.victims.front() != "random") return options_.victims[kills_.size() % options_.victims.size()];
    return std::string(workers[std::uniform_int_distribution<size_t>(0, workers.size() - 1)(random_)]);
}

uint64_t Killer::pid_of(const InstanceView& view, const std::string& victim) {
    for (const auto& row : view.workers()) {
        if (row.name == victim && lives(row.pid, row.start_time)) return row.pid;
    }
    return 0;
}

bool Killer::poll(const InstanceView& view, uint64_t supervisor_pid, int64_t now_ns) {
    if (victim_.empty() || now_ns < due_ns_) return false;
    const auto pid = victim_ == "supervisor" ? supervisor_pid : pid_of(view, victim_);
    if (pid == 0 || ::kill(static_cast<pid_t>(pid), SIGKILL) != 0) return false;
    kills_.push_back({victim_, pid, now_ns});
    plan_next(now_ns);
    return true;
}

}  // namespace of::integration
