// What the crew asks for, carried out: processes started, signalled, watched and told about.
#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "supervisor/announce.hpp"
#include "supervisor/supervisor.hpp"

namespace of::supervisor {
namespace {

namespace asio = boost::asio;

/// A worker's drain deadline lies before the supervisor's, so that it ends by itself.
constexpr int64_t drain_margin_ns = 200 * ns_per_ms;

void say(shm::ProcessSlot& slot, WorkerState state) {
    slot.desk.state.store(static_cast<uint32_t>(state), std::memory_order_release);
}

/// Touched beyond its end, or refused by who opened it.
bool may_come_of_a_segment(const Death& death) {
    return !death.known() || death.signal == SIGBUS || death.exit_code == code(ExitCode::mismatch) ||
           death.exit_code == code(ExitCode::no_resources);
}

void note_death(shm::DeskLine& desk, const Death& death, Cause cause) {
    desk.last_exit_code.store(death.exit_code, std::memory_order_relaxed);
    desk.last_signal.store(death.signal, std::memory_order_relaxed);
    desk.last_cause.store(static_cast<uint32_t>(cause), std::memory_order_relaxed);
    desk.last_exit_wall_ns.store(now_ns(CLOCK_REALTIME), std::memory_order_relaxed);
}

}  // namespace

Expected<void> Supervisor::launch(Worker& worker) {
    if (auto equipped = equip(worker); !equipped) return equipped;
    return worker.successor.start();
}

/// Also done when nobody waits for it, and what is wrong is then told by the launch.
Expected<void> Supervisor::equip(Worker& worker) {
    if (worker.successor.is_equipped()) return {};
    auto equipped = launcher_.equip(worker.process, config(), text_, text_generation_);
    if (!equipped) return tl::make_unexpected(equipped.error());
    worker.successor = std::move(*equipped);
    return {};
}

void Supervisor::prepare(size_t index) {
    auto& worker = *workers_[index];
    // Without a successor in hand, spawn() tries again and says what is wrong.
    if (!worker.successor.exists()) static_cast<void>(launch(worker));
}

void Supervisor::dismiss(size_t index) { workers_[index]->successor.dismiss(); }

bool Supervisor::spawn(size_t index) {
    auto& worker = *workers_[index];
    auto& desk = worker.slot->desk;
    if (!worker.successor.exists()) {
        if (auto launched = launch(worker); !launched) {
            journal_->write(log_event::worker_died, next_correlation(), name_of(worker.process), uint64_t{0},
                            launched.error().message, uint64_t{0});
            return false;
        }
    }
    worker.last_words.clear();
    worker.wire->forget_commands();
    worker.wire_is_new = false;
    const auto incarnation = desk.incarnation.load(std::memory_order_relaxed) + 1;
    keep_worker(worker, incarnation);  // before it can do anything, and is known by its number
    const auto pid = static_cast<uint64_t>(worker.successor.pid());
    desk.incarnation.store(incarnation, std::memory_order_release);
    desk.spawn_ns.store(now_ns(), std::memory_order_relaxed);
    desk.next_start_ns.store(0, std::memory_order_relaxed);
    desk.paused.store(0, std::memory_order_relaxed);
    worker.slot->sleep.asleep.store(shm::sleep_awake, std::memory_order_relaxed);
    worker.slot->own.heartbeat_ns.store(now_ns(), std::memory_order_relaxed);
    desk.start_time.store(shm::process_start(pid), std::memory_order_relaxed);
    desk.pid.store(pid, std::memory_order_release);
    say(*worker.slot, WorkerState::spawned);
    death_watch_->begin(index);
    worker.black_box = worker.successor.take_black_box();
    worker.oom_kills_before = launcher_.cgroups().oom_kills(name_of(worker.process));
    // Before the first word of its own: the log is read in the order of time.
    journal_->write(log_event::worker_spawned, next_correlation(), name_of(worker.process), pid, incarnation);
    worker.child = worker.successor.let_in();
    static_cast<void>(equip(worker));  // for the next time
    watch_death(worker);
    watch_errors(worker);
    return true;
}

void Supervisor::drain(size_t index, int64_t deadline_ns) {
    auto& worker = *workers_[index];
    const auto cause = crew_.stopping() ? stop_cause_ : next_correlation();
    const bool told = !worker.wire_is_new && worker.wire->drain(cause, deadline_ns - drain_margin_ns);
    if (!told) worker.child.signal(SIGTERM);
}

void Supervisor::signal(size_t index, int number) {
    if (number == SIGABRT && crew_[index].cause == Cause::hung) return abort_with_stack(index);
    workers_[index]->child.signal(number);
}

SchedulerSample Supervisor::sample(size_t index) {
    const auto folder = fmt::format("/proc/{}/", workers_[index]->child.pid());
    SchedulerSample sample;
    std::ifstream(folder + "schedstat") >> sample.cpu_ns >> sample.wait_ns;
    std::string stat;
    std::getline(std::ifstream(folder + "stat"), stat);
    const auto name_end = stat.rfind(')');
    if (name_end != std::string::npos && name_end + 2 < stat.size()) sample.state = stat[name_end + 2];
    return sample;
}

/// Returns what it died of, in words.
std::string Supervisor::tell_death(const Worker& worker, const Death& death, uint64_t delay_ms, CorrelationId cause) {
    const auto last = worker.last_words.empty() ? death.describe() : death.describe() + ": " + worker.last_words;
    journal_->write(log_event::worker_died, cause, name_of(worker.process),
                    worker.slot->desk.pid.load(std::memory_order_relaxed), last, delay_ms);
    return last;
}

void Supervisor::planned(size_t index, const Death& death, Cause cause, const RestartPlan& plan) {
    auto& worker = *workers_[index];
    auto& desk = worker.slot->desk;
    const auto delay_ms = static_cast<uint64_t>(plan.delay_ns / ns_per_ms);
    note_death(desk, death, cause);
    desk.restarts.store(desk.restarts.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    desk.failures.store(plan.failures, std::memory_order_relaxed);
    desk.next_start_ns.store(now_ns() + plan.delay_ns, std::memory_order_relaxed);
    say(*worker.slot, plan.parked ? WorkerState::parked : WorkerState::failed);
    const auto correlation = next_correlation();
    const auto last = tell_death(worker, death, delay_ms, correlation);
    desk.pid.store(0, std::memory_order_release);
    if (plan.parked)
        journal_->write(log_event::worker_parked, correlation, name_of(worker.process), plan.failures, delay_ms);
    if (reload_ && !reload_->to_restart.empty() && reload_->to_restart.front() == index && !reload_->rolling_back)
        asio::post(io_, [this, index, last] {
            fail_reload(fmt::format("{} does not start with it: {}", name_of(workers_[index]->process), last));
        });
}

void Supervisor::restarting(size_t index, const Death& death, Cause cause) {
    const auto& worker = *workers_[index];
    const bool in_order = death.signal == 0 && death.exit_code <= 0;  // as far as it is known
    if (cause == Cause::own && !in_order) tell_death(worker, death, 0, next_correlation());
    note_death(worker.slot->desk, death, cause);
    worker.slot->desk.failures.store(0, std::memory_order_relaxed);
}

void Supervisor::settled(size_t index, const Death* death) {
    auto& worker = *workers_[index];
    if (death != nullptr && worker.slot->runs()) note_death(worker.slot->desk, *death, Cause::own);
    worker.slot->desk.pid.store(0, std::memory_order_release);
    worker.slot->desk.next_start_ns.store(0, std::memory_order_relaxed);
    say(*worker.slot, WorkerState::stopped);
}

void Supervisor::late(size_t index) {
    const auto& worker = *workers_[index];
    journal_->write(log_event::worker_not_ready, next_correlation(), name_of(worker.process),
                    static_cast<uint64_t>(worker.child.pid()), crew_[index].settings.ready_timeout_ns / ns_per_ms);
}

void Supervisor::suspected(size_t index, const HangJudge& judge) {
    const auto& worker = *workers_[index];
    journal_->write(log_event::worker_suspected, next_correlation(), name_of(worker.process),
                    static_cast<uint64_t>(worker.child.pid()), judge.silence_ns() / ns_per_ms,
                    judge.starved_ns() / ns_per_ms);
    log_stack(index);
}

void Supervisor::hung(size_t index, const HangJudge& judge) {
    const auto& worker = *workers_[index];
    journal_->write(log_event::worker_hung, next_correlation(), name_of(worker.process),
                    static_cast<uint64_t>(worker.child.pid()), judge.silence_ns() / ns_per_ms);
}

void Supervisor::overdue(size_t index) {
    const auto& worker = *workers_[index];
    journal_->write(log_event::worker_killed, next_correlation(), name_of(worker.process),
                    static_cast<uint64_t>(worker.child.pid()), crew_[index].settings.stop_timeout_ns / ns_per_ms);
}

/// It ends the whole start, with the worker's own sentence and no other.
void Supervisor::start_failed(size_t index, const Death& death) {
    if (exit_code_ != 0) return;
    const auto& worker = *workers_[index];
    exit_code_ = death.exit_code;
    const auto why = fmt::format("{} could not start ({})", name_of(worker.process), death.describe());
    if (worker.last_words.empty()) announce("{}", why);
    begin_stop(why, next_correlation());
}

void Supervisor::all_run() {
    notify_.ready();
    notify_.status(status_line());
    malloc_trim(0);  // what the reading of the configuration needed
    announce("instance {} runs: {} workers ready in {} ms", config().instance, workers_.size(),
             (now_ns() - started_ns_) / ns_per_ms);
}

void Supervisor::all_stopped() {
    asio::post(io_, [this] { finish_after_bundles(now_ns()); });
}

void Supervisor::watch_death(Worker& worker) {
    if (!worker.death.is_open()) worker.death.assign(worker.child.pidfd());
    worker.death.async_wait(Stream::wait_read, [this, &worker](const boost::system::error_code& error) {
        if (!error) worker.child.ended() ? died(worker) : watch_death(worker);
    });
}

/// Start-up errors reach the user's terminal, and the last of them the log.
void Supervisor::watch_errors(Worker& worker) {
    if (!worker.errors.is_open()) {
        worker.errors.assign(worker.child.errors());
        worker.errors.non_blocking(true);  // somebody else may hold the other end
    }
    worker.errors.async_wait(Stream::wait_read, [this, &worker](const boost::system::error_code& error) {
        if (!error && pass_on_errors(worker)) watch_errors(worker);
    });
}

bool Supervisor::pass_on_errors(Worker& worker) {
    std::array<char, 1024> text{};
    boost::system::error_code ended;
    const auto bytes = worker.errors.read_some(asio::buffer(text), ended);
    if (ended == asio::error::would_block) return true;
    if (ended) return false;
    put_on_stderr({text.data(), bytes});
    worker.last_words.assign(text.data(), bytes);
    while (!worker.last_words.empty() && worker.last_words.back() == '\n') worker.last_words.pop_back();
    return true;
}

void Supervisor::died(Worker& worker) {
    if (worker.errors.is_open()) pass_on_errors(worker);
    for (auto* watched : {&worker.death, &worker.errors})
        if (watched->is_open()) watched->release();
    const auto death = worker.child.reap();
    const auto demise = look_back(worker, death);
    const auto index = index_of(worker);
    const auto incarnation = worker.slot->desk.incarnation.load(std::memory_order_relaxed);
    forget_worker(worker, incarnation);
    if (may_come_of_a_segment(death)) look_at_segments();
    const bool let_go = lets_go(index);
    crew_.died(index, death, now_ns());
    // What it died of is mended.
    const auto state = crew_[index].state;
    if (let_go && (state == State::waiting || state == State::parked)) crew_.restart(index, now_ns());
    if (mending_) step_mending();
    run_hook(index, death, demise.cause, incarnation);
    examine(worker, demise);
    arm();
}

/// After everything else that a death asks for: it delays nobody.
void Supervisor::run_hook(size_t index, const Death& death, Cause cause, uint32_t incarnation) {
    const auto& worker = *workers_[index];
    const auto& program = config().workers.at(worker.process.kind).finish_hook;
    if (program.empty()) return;
    hooks_.run(program, {name_of(worker.process), std::to_string(death.exit_code), std::to_string(death.signal),
                         std::to_string(incarnation), std::string(name_of(cause))});
}

}  // namespace of::supervisor
