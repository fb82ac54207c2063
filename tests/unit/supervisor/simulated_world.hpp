// A world of fake processes for the crew, on a fake clock: whatever real ones do, and worse. Everything follows from
// one seed. It checks what the crew asks for; a broken promise is a line in `faults`.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "supervisor/crew.hpp"

namespace of::supervisor::simulation {

inline constexpr int64_t ms = 1'000'000;
inline constexpr int64_t second = 1000 * ms;
inline constexpr int64_t never = Crew::never;

class Chance {
  public:
    explicit Chance(uint64_t seed) : random_(seed) {}
    bool one_in(uint64_t n) { return random_() % n == 0; }
    int64_t within(int64_t least, int64_t most) {
        return least + static_cast<int64_t>(random_() % static_cast<uint64_t>(most - least + 1));
    }
    double share() { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); }

  private:
    std::mt19937_64 random_;
};

struct Process {
    bool exists = false;
    bool stopped = false;  ///< by SIGSTOP
    int64_t spawned_at = 0;
    int64_t ready_at = never;
    int64_t beat_at = 0;
    bool hangs = false;
    int64_t hangs_since = 0;
    int64_t starved_until = 0;  ///< runnable and never picked until then
    int64_t waited_ns = 0;      ///< as the scheduler has counted it
    int64_t waits_since = 0;
    int64_t ends_at = never;  ///< the kernel begins to take it down
    int64_t gone_at = never;  ///< and has ended
    Death death;

    bool ends() const { return ends_at != never; }
    void end(int64_t at, int64_t teardown, const Death& how) {
        if (ends_at <= at) return;
        ends_at = at;
        gone_at = at + teardown;
        death = how;
    }
};

class World final : public supervisor::World {
  public:
    World(uint64_t seed, size_t workers)
        : chance(seed),
          processes(workers),
          asked_in_stop(workers),
          prepared_(workers),
          planned_until_(workers),
          drains_in_stop_(workers) {}

    bool spawn(size_t worker) override {
        auto& process = processes[worker];
        require(!process.exists, "worker {} was spawned beside itself", worker);
        require(!all_stopped_, "worker {} was spawned after the end", worker);
        require(now >= planned_until_[worker] || stop_begun || commanded_ == static_cast<int>(worker),
                "worker {} was spawned {} ms before its time", worker, (planned_until_[worker] - now) / ms);
        planned_until_[worker] = 0;
        require(!hurried, "worker {} was spawned after the second stop", worker);
        if (stop_begun) ++asked_in_stop[worker];
        const bool was_prepared = std::exchange(prepared_[worker], 0) != 0;
        if (storm && !was_prepared && chance.one_in(50)) return false;
        process = {.exists = true, .spawned_at = now, .beat_at = now};
        process.ready_at = now + chance.within(ms, storm ? 2 * second : 50 * ms);
        if (!storm) return true;
        if (chance.one_in(12)) process.ready_at = never;
        if (chance.one_in(10)) process.end(now + chance.within(0, second), 0, any_death());
        return true;
    }
    void prepare(size_t worker) override {
        require(!prepared_[worker], "worker {} has two successors", worker);
        require(processes[worker].exists, "worker {} has a successor without having been there", worker);
        prepared_[worker] = 1;
    }
    void dismiss(size_t worker) override {
        require(prepared_[worker], "worker {} has no successor to dismiss", worker);
        prepared_[worker] = 0;
    }
    void drain(size_t worker, int64_t deadline_ns) override {
        auto& process = processes[worker];
        require(process.exists, "worker {} was to drain and is not there", worker);
        require(!stop_begun || drains_in_order(worker), "worker {} was to drain out of order", worker);
        process.stopped = false;
        if (stop_begun) {
            ++asked_in_stop[worker];
            require(++drains_in_stop_[worker] <= 2, "worker {} was to drain a third time", worker);
        }
        if (process.hangs || chance.one_in(20)) return;
        process.end(now + chance.within(ms, (deadline_ns - now) * 11 / 10), 0,
                    storm && chance.one_in(4) ? any_death() : Death{});
    }
    void signal(size_t worker, int number) override {
        auto& process = processes[worker];
        require(process.exists, "worker {} was sent {} and is not there", worker, number);
        if (number == SIGSTOP) process.stopped = true;
        if (number == SIGCONT) process.stopped = false;
        if (number == SIGKILL)
            process.end(now + chance.within(0, 5 * ms), chance.within(0, 50 * ms), {-1, SIGKILL, false});
        if (number == SIGABRT && !chance.one_in(4))
            process.end(now + chance.within(0, second), chance.within(0, 400 * ms), {-1, SIGABRT, true});
    }
    SchedulerSample sample(size_t worker) override {
        const auto& process = processes[worker];
        const bool starved = process.starved_until > now;
        return {.cpu_ns = process.beat_at, .wait_ns = process.waited_ns, .state = starved ? 'R' : 'S'};
    }
    void planned(size_t worker, const Death& death, Cause, const RestartPlan& plan) override {
        note('p', worker, plan.delay_ns);
        const auto& restart = settings[worker].restart;
        const auto rows = schedule_of(restart);
        const auto& row = rows[std::min<size_t>(plan.failures, rows.size()) - 1];
        const int number = death.signal != 0 ? -death.signal : death.exit_code;
        const bool parks = std::ranges::find(restart.park, number) != restart.park.end();
        const auto& expected = parks ? rows.back() : row;
        require(plan.parked == expected.parked, "worker {}: failure {} parked: {}", worker, plan.failures, plan.parked);
        require(plan.delay_ns >= expected.earliest_ns && plan.delay_ns <= expected.latest_ns,
                "worker {}: failure {} waits {} ms", worker, plan.failures, plan.delay_ns / ms);
        planned_until_[worker] = now + plan.delay_ns;
    }
    void settled(size_t worker, const Death*) override {
        note('s', worker, 0);
        planned_until_[worker] = 0;
        require(!prepared_[worker], "worker {} was settled with a successor", worker);
    }
    void restarting(size_t worker, const Death&, Cause) override { note('r', worker, 0); }
    void late(size_t worker) override {
        note('l', worker, 0);
        require(now - processes[worker].spawned_at >= settings[worker].ready_timeout_ns, "worker {} was not late",
                worker);
    }
    void suspected(size_t worker, const HangJudge&) override { note('u', worker, 0); }
    void hung(size_t worker, const HangJudge&) override {
        const auto& process = processes[worker];
        note('h', worker, now - process.hangs_since);
        ++verdicts;
        require(process.hangs, "worker {} was taken for hung and did not hang", worker);
        const auto limit = settings[worker].heartbeat_timeout_ns;
        require(now - process.hangs_since >= limit - second, "worker {} was taken for hung too early", worker);
    }
    void overdue(size_t worker) override { note('o', worker, 0); }
    void start_failed(size_t, const Death&) override { start_failed_ = true; }
    void all_run() override {}
    void all_stopped() override {
        require(!all_stopped_, "the end was said twice, last of worker {}", 0);
        require(std::ranges::none_of(processes, &Process::exists), "the end was said with a process alive, not {}", 0);
        require(std::ranges::count(prepared_, 1) == 0, "the end was said with a successor, not {}", 0);
        all_stopped_ = true;
    }

    /// Living processes go on for a while: they beat, unless something holds them up.
    void tick() {
        for (auto& process : processes) {
            if (!process.exists || process.stopped || process.hangs || process.ends_at <= now) continue;
            if (process.starved_until > now) continue;
            if (process.starved_until != 0) {
                process.waited_ns += process.starved_until - process.waits_since;
                process.starved_until = 0;
                process.beat_at = now;
            }
            process.beat_at = std::max(process.beat_at, now - now % second);
        }
    }
    Death any_death() {
        constexpr Death deaths[] = {{0}, {1}, {2}, {3}, {9}, {10}, {-1, SIGSEGV, true}, {-1, SIGKILL}, {-1, SIGSYS}};
        return deaths[chance.within(0, std::ssize(deaths) - 1)];
    }
    /// While an operator's command is carried out, a planned restart may come early.
    void commanded(int worker) { commanded_ = worker; }
    bool all_stopped_said() const { return all_stopped_; }
    bool start_failed_said() const { return start_failed_; }

    int64_t now = 1000 * second;
    bool storm = true;
    bool stop_begun = false;
    bool hurried = false;  ///< all is to end at once
    Chance chance;
    std::vector<Process> processes;
    std::vector<int> asked_in_stop;  ///< to start, or to drain, since the stop has begun
    std::vector<MemberSettings> settings;
    std::vector<std::string> faults;
    uint64_t verdicts = 0;
    uint64_t fingerprint = 0;  ///< of all that was said, in order

  private:
    template <typename... Values>
    void require(bool kept, fmt::format_string<Values...> text, Values&&... values) {
        if (!kept)
            faults.push_back(fmt::format("{} s: {}", now / second, fmt::format(text, std::forward<Values>(values)...)));
    }
    void note(char what, size_t worker, int64_t value) {
        for (const auto word :
             {static_cast<uint64_t>(what), uint64_t{worker}, static_cast<uint64_t>(value), static_cast<uint64_t>(now)})
            fingerprint = (fingerprint ^ word) * 0x100000001b3;
    }
    /// Workers are numbered in the order of their start, and drain in the opposite one.
    bool drains_in_order(size_t worker) const {
        return std::none_of(processes.begin() + static_cast<std::ptrdiff_t>(worker) + 1, processes.end(),
                            [](const Process& process) { return process.exists; });
    }

    std::vector<char> prepared_;
    std::vector<int64_t> planned_until_;
    std::vector<int> drains_in_stop_;
    int commanded_ = -1;
    bool all_stopped_ = false;
    bool start_failed_ = false;
};

}  // namespace of::supervisor::simulation
