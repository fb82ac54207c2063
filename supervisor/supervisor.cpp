#include "supervisor/supervisor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace of::supervisor {
namespace {

namespace asio = boost::asio;

constexpr auto heartbeat_look = std::chrono::milliseconds(500);

/// The order in which an instance drains: intake first, the logger when all others have said their last.
constexpr std::array stop_order{ProcessKind::binance, ProcessKind::communication, ProcessKind::storage,
                                ProcessKind::logger};

WorkerState own_state(const shm::ProcessSlot& slot) {
    const auto& own = slot.own;
    const bool current =
        own.incarnation.load(std::memory_order_acquire) == slot.desk.incarnation.load(std::memory_order_relaxed);
    return current ? static_cast<WorkerState>(own.state.load(std::memory_order_relaxed)) : WorkerState::spawned;
}

Channel channel_of(const Instance& instance, ChannelKind kind, ProcessId writer, ProcessId reader) {
    for (const auto& channel : instance.channels()) {
        const bool ends =
            channel.writer == writer && (channel.wire->transport != Transport::queue || channel.reader == reader);
        if (channel.wire->kind == kind && ends) return channel;
    }
    OF_ASSERT(!"every worker has a command and an event queue");
    return {};
}

}  // namespace

Supervisor::Supervisor(const Config& config, Instance& instance)
    : config_(config),
      instance_(instance),
      correlations_(self,
                    static_cast<uint16_t>(instance.control().instance.takeovers.load(std::memory_order_relaxed) + 1)),
      bell_(io_),
      signals_(io_, SIGTERM, SIGINT),
      heartbeat_timer_(io_) {}

Supervisor::~Supervisor() {
    for (const int bell : bells_) ::close(bell);
}

Expected<void> Supervisor::prepare() {
    started_ns_ = now_ns();
    auto& control = instance_.control();
    const bool fence = !shm::register_membarrier();
    control.instance.fence.store(fence ? 1 : 0, std::memory_order_relaxed);
    for (const auto process : instance_.processes()) {
        // Inherited by the workers, so not close-on-exec.
        bells_.push_back(eventfd(0, EFD_NONBLOCK));
        if (bells_.back() < 0) return fail(ErrorKind::failed, "eventfd: no file descriptor left");
        doorbells_argument_ +=
            fmt::format("{}{}={}", doorbells_argument_.empty() ? "" : ",", name_of(process), bells_.back());
    }
    const auto bell_of = [&](size_t i, shm::WakeAt wake_at) {
        return shm::DoorbellWriter(control.processes[i].sleep, bells_[i], fence, wake_at);
    };
    for (size_t i = 1; i < instance_.processes().size(); ++i) {
        const auto process = instance_.processes()[i];
        auto worker = std::make_unique<Worker>(io_, process, config_.restart);
        worker->slot = &instance_.slot(process);
        worker->wire =
            std::make_unique<WorkerWire>(instance_.segment(channel_of(instance_, ChannelKind::command, self, process)),
                                         instance_.segment(channel_of(instance_, ChannelKind::event, process, self)),
                                         bell_of(i, shm::WakeAt::first));
        auto program = worker_program(config_, process.kind);
        if (!program) return tl::make_unexpected(program.error());
        worker->argv = arguments(*worker, *program);
        if (process.kind == ProcessKind::logger) {
            journal_ =
                std::make_unique<Journal>(instance_.segment(channel_of(instance_, ChannelKind::log, self, self)),
                                          instance_.segment(channel_of(instance_, ChannelKind::trace, self, self)),
                                          instance_.segment(channel_of(instance_, ChannelKind::error, self, self)),
                                          bell_of(i, shm::WakeAt::fill));
        }
        workers_.push_back(std::move(worker));
    }
    doorbell_.emplace(control.processes[0].sleep, bells_[0], fence);
    control.processes[0].desk.pid.store(static_cast<uint64_t>(getpid()), std::memory_order_relaxed);
    control.processes[0].desk.start_time.store(shm::process_start(static_cast<uint64_t>(getpid())),
                                               std::memory_order_relaxed);
    control.processes[0].desk.incarnation.store(control.instance.takeovers.load(std::memory_order_relaxed) + 1,
                                                std::memory_order_relaxed);
    control.processes[0].desk.state.store(static_cast<uint32_t>(WorkerState::running), std::memory_order_relaxed);
    control.processes[0].desk.spawn_ns.store(started_ns_, std::memory_order_relaxed);
    control_ = std::make_unique<ControlServer>(
        io_, [this](const Peer& peer, const std::string& request) { return command(peer, request); });
    return control_->listen(config_.state_dir + "/control.sock");
}

std::vector<std::string> Supervisor::arguments(const Worker& worker, const std::string& program) const {
    return {program,
            "--instance",
            config_.instance,
            "--index",
            std::to_string(worker.process.index),
            "--config",
            config_.path,
            "--data-dir",
            config_.data_dir,
            "--log-dir",
            config_.log_dir,
            "--trace-sample",
            std::to_string(config_.trace_sample),
            "--breaker",
            config_.breaker,
            "--wait",
            config_.wait,
            "--parent",
            std::to_string(getpid()),
            "--doorbells",
            doorbells_argument_};
}

sigset_t Supervisor::stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

int Supervisor::run() {
    signal(SIGPIPE, SIG_IGN);
    if (auto prepared = prepare(); !prepared) {
        fmt::print(stderr, "ofsupervisor: {}\n", prepared.error().message);
        instance_.remove_segments();
        return code(prepared.error().kind == ErrorKind::invalid ? ExitCode::usage : ExitCode::no_resources);
    }
    const auto cause = next_correlation();
    if (instance_.adopted_pid() != 0)
        journal_->write(log_event::instance_adopted, cause, config_.instance, instance_.adopted_pid());
    for (const auto& [name, why] : instance_.replaced()) journal_->write(log_event::segment_replaced, cause, name, why);
    journal_->write(log_event::instance_started, cause, config_.instance, instance_.processes().size(),
                    instance_.channels().size(), instance_.total_bytes() >> 20);
    watch_bell();
    watch_signals();
    watch_heartbeats();
    for (auto& worker : workers_) on(*worker, Event::start);
    const auto waiting = stop_signals();
    sigprocmask(SIG_UNBLOCK, &waiting, nullptr);
    io_.run();
    instance_.remove_segments();
    return exit_code_;
}

void Supervisor::on(Worker& worker, Event event) {
    const auto before = worker.state;
    const auto [next, action] = transition(before, event);
    worker.state = next;
    carry_out(worker, action, before);
}

/// The workers' own words: read when one of them rings, and each heartbeat look.
void Supervisor::look_at_states() {
    for (auto& worker : workers_) {
        worker->wire->take_events();
        const auto state = own_state(*worker->slot);
        if (state != WorkerState::running && state != WorkerState::ready) continue;
        if (worker->ready_ns == 0 && worker->child.runs()) {
            worker->ready_ns = now_ns();
            worker->ever_ready = true;
            worker->ready_timer.cancel();
        }
        if (state == WorkerState::running) on(*worker, Event::runs);
    }
    const bool all = std::ranges::all_of(workers_, [](const auto& worker) { return worker->state == State::running; });
    if (!all || announced_ || stopping_) return;
    announced_ = true;
    fmt::print(stderr, "ofsupervisor: instance {} runs: {} workers ready in {} ms\n", config_.instance, workers_.size(),
               (now_ns() - started_ns_) / ns_per_ms);
}

void Supervisor::watch_bell() {
    if (!bell_.is_open()) bell_.assign(fcntl(doorbell_->event_fd(), F_DUPFD_CLOEXEC, 0));
    doorbell_->prepare_sleep();
    look_at_states();  // the second look
    bell_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        doorbell_->drain();
        watch_bell();
    });
}

void Supervisor::watch_signals() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
        if (error) return;
        begin_stop(number == SIGINT ? "interrupted (SIGINT)" : "SIGTERM", next_correlation());
        watch_signals();
    });
}

void Supervisor::watch_heartbeats() {
    const auto now = now_ns();
    // After a freeze of the whole tree every beat is old: what was not looked at in time is judged one look later.
    const bool on_time = now - last_look_ns_ < 4 * std::chrono::nanoseconds(heartbeat_look).count();
    last_look_ns_ = now;
    instance_.control().processes[0].own.heartbeat_ns.store(now, std::memory_order_relaxed);
    look_at_states();
    for (auto& worker : workers_) {
        const auto beat = worker->slot->own.heartbeat_ns.load(std::memory_order_relaxed);
        const bool judged = worker->child.runs() && worker->ready_ns != 0 && on_time;
        if (!judged || now - std::max(beat, worker->ready_ns) < config_.heartbeat_timeout_ns) continue;
        journal_->write(log_event::worker_hung, next_correlation(), name_of(worker->process),
                        static_cast<uint64_t>(worker->child.pid()), (now - beat) / ns_per_ms);
        on(*worker, Event::hung);
    }
    heartbeat_timer_.expires_after(heartbeat_look);
    heartbeat_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) watch_heartbeats();
    });
}

void Supervisor::begin_stop(const std::string& why, CorrelationId cause) {
    if (stopping_) return;
    stopping_ = true;
    stop_cause_ = cause;
    if (exit_code_ == 0) fmt::print(stderr, "ofsupervisor: stopping: {}\n", why);
    journal_->write(log_event::stop_requested, cause, why);
    journal_->hop(cause, Hop::commanded, 0);
    instance_.control().instance.stopping.store(1, std::memory_order_release);
    stop_next();
}

/// Stops the first group in drain order that is not yet idle; the loop ends when all are.
void Supervisor::stop_next() {
    for (const auto kind : stop_order) {
        bool group_idle = true;
        for (auto& worker : workers_) {
            if (worker->process.kind != kind) continue;
            if (worker->state != State::stopping) on(*worker, Event::stop);
            group_idle = group_idle && worker->state == State::idle;
        }
        if (!group_idle) return;
    }
    control_->close();
    heartbeat_timer_.cancel();
    signals_.cancel();
    bell_.cancel();
    if (exit_code_ == 0) fmt::print(stderr, "ofsupervisor: instance {} has stopped\n", config_.instance);
}

/// A worker that could not start because of what the user gave it ends the whole start, with its own sentence and no
/// other.
void Supervisor::fail_start(const Worker& worker, const Death& death) {
    if (exit_code_ != 0) return;
    exit_code_ = death.exit_code;
    const auto why = fmt::format("{} could not start ({})", name_of(worker.process), death.describe());
    if (worker.last_words.empty()) fmt::print(stderr, "ofsupervisor: {}\n", why);
    begin_stop(why, next_correlation());
}

Supervisor::Worker* Supervisor::find(std::string_view name) {
    const auto found =
        std::ranges::find_if(workers_, [&](const auto& worker) { return name_of(worker->process) == name; });
    return found == workers_.end() ? nullptr : found->get();
}

std::string Supervisor::command(const Peer& peer, const std::string& request) {
    const auto verb_end = std::min(request.find(' '), request.size());
    const auto verb = request.substr(0, verb_end);
    const auto rest = request.substr(std::min(verb_end + 1, request.size()));
    if (verb == "ping") return "ok pong";
    const auto cause = next_correlation();
    if (verb == "stop") {
        asio::post(io_, [this, cause, rest, peer] {
            begin_stop(
                fmt::format("requested by uid {} pid {}{}{}", peer.uid, peer.pid, rest.empty() ? "" : ": ", rest),
                cause);
        });
        return fmt::format("ok {} stopping", to_string(cause));
    }
    if (verb != "restart" && verb != "breaker")
        return fmt::format("error {} unknown request \"{}\": expected ping, restart WORKER, breaker WORKER or stop",
                           code(ExitCode::usage), verb);
    const auto name = rest.substr(0, std::min(rest.find(' '), rest.size()));
    auto* worker = find(name);
    if (worker == nullptr) return fmt::format("error {} no worker is called \"{}\"", code(ExitCode::not_found), name);
    if (stopping_) return fmt::format("error {} the instance is stopping", code(ExitCode::failed));
    journal_->hop(cause, Hop::commanded, 0);
    if (verb == "breaker") return command_breaker(*worker, peer, cause, rest.substr(name.size()));
    journal_->write(log_event::restart_requested, cause, name, peer.uid, peer.pid);
    worker->policy.reset();
    on(*worker, Event::restart);
    return fmt::format("ok {} restarting {}", to_string(cause), name);
}

/// " BREAKER ACTION FOR_NS [reason]": passed on to the worker, which alone writes its breakers.
std::string Supervisor::command_breaker(Worker& worker, const Peer& peer, CorrelationId cause,
                                        const std::string& words) {
    std::istringstream stream(words);
    std::string breaker, action;
    int64_t for_ns = -1;
    stream >> breaker >> action >> for_ns;
    constexpr std::array actions{BreakerAction::trip, BreakerAction::reset, BreakerAction::open, BreakerAction::close};
    const auto wanted = std::ranges::find(actions, action, [](BreakerAction known) { return name_of(known); });
    if (!stream || for_ns < 0 || wanted == actions.end())
        return fmt::format("error {} expected breaker WORKER BREAKER trip|reset|open|close NANOSECONDS [REASON]",
                           code(ExitCode::usage));
    std::string reason;
    std::getline(stream >> std::ws, reason);
    if (breaker.size() > sizeof CommandBreaker::name || reason.size() > sizeof CommandBreaker::reason)
        return fmt::format("error {} a breaker's name has at most {} bytes, a reason {}", code(ExitCode::usage),
                           sizeof CommandBreaker::name, sizeof CommandBreaker::reason);
    if (worker.slot->desk.pid.load(std::memory_order_relaxed) == 0)
        return fmt::format("error {} {} does not run, and nobody else may write its breakers", code(ExitCode::failed),
                           name_of(worker.process));
    if (!worker.wire->breaker(cause, breaker, *wanted, peer.uid, for_ns, reason))
        return fmt::format("error {} the command queue of {} is full", code(ExitCode::failed), name_of(worker.process));
    return fmt::format("ok {} told {}", to_string(cause), name_of(worker.process));
}

}  // namespace of::supervisor
