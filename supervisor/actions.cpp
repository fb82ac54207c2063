// What the state table asks for, carried out: start, drain, signal, plan, settle.
#include <fmt/format.h>

#include <array>

#include "supervisor/supervisor.hpp"

namespace of::supervisor {
namespace {

namespace asio = boost::asio;

/// From SIGABRT to SIGKILL: time to write a core.
constexpr int64_t abort_patience_ns = 2'000 * ns_per_ms;
/// A worker's drain deadline lies before the supervisor's, so that it ends by itself.
constexpr int64_t drain_margin_ns = 200 * ns_per_ms;

/// Exit codes that say: the same start would fail again, for a reason that the user must mend.
bool users_to_mend(const Death& death) {
    return death.exit_code == code(ExitCode::usage) || death.exit_code == code(ExitCode::mismatch) ||
           death.exit_code == code(ExitCode::no_resources);
}

void say(shm::ProcessSlot& slot, WorkerState state) {
    slot.desk.state.store(static_cast<uint32_t>(state), std::memory_order_release);
}

}  // namespace

void Supervisor::carry_out(Worker& worker, Action action, State before) {
    switch (action) {
        case Action::none:
            break;
        case Action::spawn:
            worker.restart_timer.cancel();
            spawn(worker);
            break;
        case Action::drain:
            drain(worker);
            break;
        case Action::abort:
            worker.child.signal(SIGABRT);
            after(worker.kill_timer, abort_patience_ns, worker, Event::overdue);
            break;
        case Action::kill:
            if (before == State::stopping || before == State::restarting)
                journal_->write(log_event::worker_killed, next_correlation(), name_of(worker.process),
                                static_cast<uint64_t>(worker.child.pid()), config_.stop_timeout_ns / ns_per_ms);
            worker.child.signal(SIGKILL);
            break;
        case Action::plan:
            plan(worker);
            break;
        case Action::settle:
            settle(worker);
            break;
    }
}

void Supervisor::spawn(Worker& worker) {
    auto& desk = worker.slot->desk;
    worker.ready_ns = 0;
    worker.last_words.clear();
    worker.wire->forget_commands();
    const auto incarnation = desk.incarnation.load(std::memory_order_relaxed) + 1;
    desk.incarnation.store(incarnation, std::memory_order_release);
    desk.spawn_ns.store(now_ns(), std::memory_order_relaxed);
    desk.next_start_ns.store(0, std::memory_order_relaxed);
    worker.slot->sleep.asleep.store(shm::sleep_awake, std::memory_order_relaxed);
    worker.slot->own.heartbeat_ns.store(now_ns(), std::memory_order_relaxed);
    if (auto spawned = worker.child.spawn(worker.argv); !spawned) {
        journal_->write(log_event::worker_died, next_correlation(), name_of(worker.process), uint64_t{0},
                        spawned.error().message, uint64_t{0});
        return on(worker, Event::died);
    }
    const auto pid = static_cast<uint64_t>(worker.child.pid());
    desk.start_time.store(shm::process_start(pid), std::memory_order_relaxed);
    desk.pid.store(pid, std::memory_order_release);
    say(*worker.slot, WorkerState::spawned);
    journal_->write(log_event::worker_spawned, next_correlation(), name_of(worker.process), pid, incarnation);
    watch_death(worker);
    watch_errors(worker);
    worker.ready_timer.expires_after(std::chrono::nanoseconds(config_.ready_timeout_ns));
    worker.ready_timer.async_wait([this, &worker](const boost::system::error_code& error) {
        if (error || worker.ready_ns != 0) return;
        journal_->write(log_event::worker_not_ready, next_correlation(), name_of(worker.process),
                        static_cast<uint64_t>(worker.child.pid()), config_.ready_timeout_ns / ns_per_ms);
        on(worker, Event::late);
    });
}

void Supervisor::drain(Worker& worker) {
    const auto cause = stopping_ ? stop_cause_ : next_correlation();
    const auto deadline = now_ns() + config_.stop_timeout_ns;
    if (!worker.wire->drain(cause, deadline - drain_margin_ns)) worker.child.signal(SIGTERM);
    after(worker.kill_timer, config_.stop_timeout_ns, worker, Event::overdue);
}

void Supervisor::plan(Worker& worker) {
    auto& desk = worker.slot->desk;
    if (!worker.ever_ready && users_to_mend(last_death_)) {
        worker.state = State::idle;
        settle(worker);
        return fail_start(worker, last_death_);
    }
    const auto healthy_ns = worker.ready_ns == 0 ? 0 : now_ns() - worker.ready_ns;
    const auto chance = std::uniform_real_distribution<double>(0.0, 1.0)(random_);
    const auto planned = worker.policy.on_death(healthy_ns, chance);
    const auto delay_ms = static_cast<uint64_t>(planned.delay_ns / ns_per_ms);
    const auto last =
        worker.last_words.empty() ? last_death_.describe() : last_death_.describe() + ": " + worker.last_words;
    desk.restarts.store(desk.restarts.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    desk.next_start_ns.store(now_ns() + planned.delay_ns, std::memory_order_relaxed);
    if (planned.parked) {
        worker.state = State::parked;
        say(*worker.slot, WorkerState::parked);
        journal_->write(log_event::worker_parked, next_correlation(), name_of(worker.process), planned.failures,
                        delay_ms);
    } else {
        say(*worker.slot, WorkerState::failed);
        journal_->write(log_event::worker_died, next_correlation(), name_of(worker.process),
                        desk.pid.load(std::memory_order_relaxed), last, delay_ms);
    }
    desk.pid.store(0, std::memory_order_release);
    after(worker.restart_timer, planned.delay_ns, worker, Event::due);
}

void Supervisor::settle(Worker& worker) {
    worker.restart_timer.cancel();
    worker.slot->desk.pid.store(0, std::memory_order_release);
    say(*worker.slot, WorkerState::stopped);
    if (stopping_) asio::post(io_, [this] { stop_next(); });
}

void Supervisor::watch_death(Worker& worker) {
    worker.death.assign(worker.child.pidfd());
    worker.death.async_wait(asio::posix::stream_descriptor::wait_read,
                            [this, &worker](const boost::system::error_code& error) {
                                if (!error) died(worker);
                            });
}

/// Start-up errors reach the user's terminal, and the last of them the log.
void Supervisor::watch_errors(Worker& worker) {
    if (!worker.errors.is_open()) worker.errors.assign(worker.child.errors());
    worker.errors.async_wait(asio::posix::stream_descriptor::wait_read,
                             [this, &worker](const boost::system::error_code& error) {
                                 if (!error && pass_on_errors(worker)) watch_errors(worker);
                             });
}

bool Supervisor::pass_on_errors(Worker& worker) {
    std::array<char, 1024> text{};
    boost::system::error_code ended;
    const auto bytes = worker.errors.read_some(asio::buffer(text), ended);
    if (ended) return false;
    fmt::print(stderr, "{}", std::string_view(text.data(), bytes));
    worker.last_words.assign(text.data(), bytes);
    while (!worker.last_words.empty() && worker.last_words.back() == '\n') worker.last_words.pop_back();
    return true;
}

void Supervisor::died(Worker& worker) {
    if (worker.errors.is_open()) pass_on_errors(worker);
    worker.death.release();
    worker.errors.release();
    last_death_ = worker.child.reap();
    worker.ready_timer.cancel();
    worker.kill_timer.cancel();
    auto& desk = worker.slot->desk;
    desk.last_exit_code.store(last_death_.exit_code, std::memory_order_relaxed);
    desk.last_signal.store(last_death_.signal, std::memory_order_relaxed);
    desk.last_exit_wall_ns.store(now_ns(CLOCK_REALTIME), std::memory_order_relaxed);
    on(worker, Event::died);
}

void Supervisor::after(asio::steady_timer& timer, int64_t delay_ns, Worker& worker, Event event) {
    timer.expires_after(std::chrono::nanoseconds(delay_ns));
    timer.async_wait([this, &worker, event](const boost::system::error_code& error) {
        if (!error) on(worker, event);
    });
}

}  // namespace of::supervisor
