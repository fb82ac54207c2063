#include "supervisor/supervisor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "shm/random.hpp"
#include "supervisor/announce.hpp"
#include "supervisor/bus_guard.hpp"
#include "supervisor/strangers.hpp"
#include "supervisor/unread.hpp"

namespace of::supervisor {
namespace {

namespace asio = boost::asio;

Channel channel_of(const Instance& instance, ChannelKind kind, ProcessId writer, ProcessId reader) {
    for (const auto& channel : instance.channels()) {
        const bool ends =
            channel.writer == writer && (channel.wire->transport != Transport::queue || channel.reader == reader);
        if (channel.wire->kind == kind && ends) return channel;
    }
    OF_ASSERT(!"every worker has a command and an event queue");
    return {};
}

/// What would not reach the loop is an error of the start: nobody could stop such a supervisor in order.
int open_signals(const sigset_t& set) {
    const int descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
    return descriptor;
}

/// Each program that takes this instance on makes correlation IDs of its own.
uint16_t epoch_of(const shm::ControlPage& control) {
    return static_cast<uint16_t>(control.instance.takeovers.load(std::memory_order_relaxed) +
                                 control.instance.upgrades.load(std::memory_order_relaxed) + 1);
}

}  // namespace

Supervisor::Supervisor(Beginning beginning)
    : checked_(std::move(beginning.checked)),
      text_(std::move(beginning.text)),
      owned_instance_(std::move(beginning.instance)),
      instance_(*owned_instance_),
      launcher_(std::move(beginning.launcher)),
      newcomers_(std::move(beginning.newcomers)),
      handover_(std::move(beginning.handover)),
      taken_over_(beginning.taken_over),
      not_taken_over_(std::move(beginning.not_taken_over)),
      correlations_(self, epoch_of(instance_.control())),
      crew_(*this, shm::random_word()),
      bell_(io_),
      notices_(io_),
      signals_(io_, open_signals(loop_signals())),
      timer_(io_),
      post_mortem_(io_, launcher_.programs().autopsy(), told_of_post_mortems()),
      hooks_(io_, [this](const std::string& program, const std::string& worker, const std::string& why) {
          auto& failures = instance_.control().instance.hook_failures;
          failures.store(failures.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
          journal_->write(log_event::hook_failed, next_correlation(), program, worker, why);
      }) {
    post_mortem_.change(config().post_mortem);
    if (config().keep_orphans) store_.emplace(DescriptorStore::from_environment());
}

Supervisor::~Supervisor() {
    if (notices_.is_open()) notices_.release();
}

sigset_t Supervisor::loop_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, number);
    return set;
}

shm::DoorbellWriter Supervisor::bell_of(ProcessId process, shm::WakeAt wake_at) const {
    const auto slot =
        static_cast<size_t>(std::ranges::find(instance_.processes(), process) - instance_.processes().begin());
    return shm::DoorbellWriter(instance_.control().processes[slot].sleep, launcher_.bells()[slot], fence_, wake_at);
}

void Supervisor::make_wire(Worker& worker) {
    const auto process = worker.process;
    worker.wire =
        std::make_unique<WorkerWire>(instance_.segment(channel_of(instance_, ChannelKind::command, self, process)),
                                     instance_.segment(channel_of(instance_, ChannelKind::event, process, self)),
                                     bell_of(process, shm::WakeAt::first));
}

void Supervisor::make_journal() {
    constexpr ProcessId logger{ProcessKind::logger, 0};
    journal_ = std::make_unique<Journal>(instance_.segment(channel_of(instance_, ChannelKind::log, self, self)),
                                         instance_.segment(channel_of(instance_, ChannelKind::trace, self, self)),
                                         instance_.segment(channel_of(instance_, ChannelKind::error, self, self)),
                                         bell_of(logger, shm::WakeAt::fill));
}

void Supervisor::add_worker(size_t slot) {
    const auto process = instance_.processes()[slot];
    auto worker = std::make_unique<Worker>(io_, process);
    worker->slot = &instance_.slot(process);
    make_wire(*worker);
    if (workers_.size() < newcomers_.size())
        worker->successor = std::move(newcomers_[workers_.size()]);
    else
        static_cast<void>(equip(*worker));
    crew_.add(name_of(process), process.kind, config().workers.at(process.kind).member);
    workers_.push_back(std::move(worker));
}

Expected<void> Supervisor::prepare() {
    started_ns_ = now_ns();
    auto& control = instance_.control();
    fence_ = !shm::register_membarrier();
    control.instance.fence.store(fence_ ? 1 : 0, std::memory_order_relaxed);
    for (size_t slot = 1; slot < instance_.processes().size(); ++slot) add_worker(slot);
    make_journal();
    doorbell_.emplace(control.processes[0].sleep, launcher_.bells()[0], fence_);
    if (instance_.adopted_pid() != 0) former_ = Moment::of(control.processes[0]);
    auto& desk = control.processes[0].desk;
    const auto pid = static_cast<uint64_t>(getpid());
    life_.emplace(control.processes[0].own.life);
    desk.pid.store(pid, std::memory_order_relaxed);
    desk.start_time.store(shm::process_start(pid), std::memory_order_relaxed);
    desk.incarnation.store(epoch_of(control), std::memory_order_relaxed);
    desk.state.store(static_cast<uint32_t>(WorkerState::running), std::memory_order_relaxed);
    desk.spawn_ns.store(started_ns_, std::memory_order_relaxed);
    control.instance.config_generation.store(config_generation_, std::memory_order_relaxed);
    adopt_strangers();
    std::vector<std::atomic<uint32_t>*> lives;
    for (auto& worker : workers_) lives.push_back(&worker->slot->own.life);
    death_watch_ = std::make_unique<DeathWatch>(std::move(lives));
    control_ = std::make_unique<ControlServer>(
        io_,
        [this](const Peer& peer, const std::string& request, ControlServer::Reply reply) {
            command(peer, request, std::move(reply));
        },
        [this](const Peer& peer) {
            journal_->write(log_event::operator_denied, next_correlation(), peer.uid, peer.pid);
        });
    const auto socket = config().state_dir + "/control.sock";
    if (!handover_ || handover_->control < 0) return control_->listen(socket);
    control_->adopt(handover_->control, socket);
    return {};
}

/// At the start, and after a reload. What has no effect is worth a line: somebody relies on it.
void Supervisor::apply_limits() {
    for (const auto& worker : workers_) {
        for (const auto& why : launcher_.limit(worker->process, config().workers.at(worker->process.kind).limits))
            journal_->write(log_event::limit_without_effect, next_correlation(), name_of(worker->process), why);
    }
}

/// What the log says first.
void Supervisor::introduce() {
    const auto cause = next_correlation();
    if (instance_.adopted_pid() != 0)
        journal_->write(log_event::instance_adopted, cause, config().instance, instance_.adopted_pid());
    for (const auto& [name, why] : instance_.replaced()) journal_->write(log_event::segment_replaced, cause, name, why);
    journal_->write(log_event::instance_started, cause, config().instance, instance_.processes().size(),
                    instance_.channels().size(), instance_.total_bytes() >> 20);
    if (!post_mortem_.available())
        journal_->write(log_event::postmortem_missing, cause, "any worker",
                        "the program of-autopsy is not installed beside this one");
    if (!not_taken_over_.empty()) journal_->write(log_event::workers_not_kept, cause, not_taken_over_);
    examine_former();
}

int Supervisor::run() {
    std::signal(SIGPIPE, SIG_IGN);
    survive_lost_pages();
    if (handover_) config_generation_ = text_generation_ = handover_->config_generation;
    if (auto prepared = prepare(); !prepared) {
        announce("{}", prepared.error().message);
        if (!handover_) instance_.remove_segments();  // else workers use them
        return code(prepared.error().kind == ErrorKind::invalid ? ExitCode::usage : ExitCode::no_resources);
    }
    text_.publish(config().state_dir);
    watch_bell();
    watch_notices();
    watch_signals();
    apply_limits();
    if (handover_) {
        resume();
    } else {
        introduce();
        keep_instance();
        crew_.start_all(now_ns());
    }
    arm();
    io_.run();
    instance_.remove_segments();
    return exit_code_;
}

/// Goes on with the workers that the program or the supervisor before us has started.
void Supervisor::resume() {
    if (taken_over_)
        introduce_kept();
    else
        journal_->write(log_event::supervisor_upgraded, next_correlation(), config().instance,
                        std::string_view(OF_VERSION),
                        instance_.control().instance.upgrades.load(std::memory_order_relaxed));
    for (const auto& left : handover_->workers) {
        auto* worker = find(left.name);
        if (worker == nullptr) continue;
        const auto state = static_cast<State>(left.state);
        const bool paused = worker->slot->desk.paused.load(std::memory_order_relaxed) != 0;
        crew_.resume(index_of(*worker), state, left.failures, left.ready_ns, paused, now_ns());
        worker->black_box = left.black_box;
        if (!crew_[index_of(*worker)].exists) continue;
        worker->child.adopt(static_cast<pid_t>(left.pid), left.pidfd, left.errors, left.is_child);
        if (left.pidfd >= 0)
            watch_death(*worker);
        else
            asio::post(io_, [this, worker] { died(*worker); });  // nobody has kept what would tell
        if (left.errors >= 0) watch_errors(*worker);
    }
    handover_.reset();
}

void Supervisor::watch_bell() {
    if (!bell_.is_open()) bell_.assign(fcntl(doorbell_->event_fd(), F_DUPFD_CLOEXEC, 0));
    doorbell_->prepare_sleep();
    look_at_states();  // the second look
    bell_.async_wait(Stream::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        doorbell_->drain();
        watch_bell();
        arm();
    });
}

void Supervisor::watch_notices() {
    if (death_watch_->event_fd() < 0) return;
    if (!notices_.is_open()) notices_.assign(death_watch_->event_fd());
    notices_.async_wait(Stream::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        for (const auto worker : death_watch_->take()) crew_.dying(worker, now_ns());
        watch_notices();
    });
}

void Supervisor::watch_signals() {
    signals_.async_wait(Stream::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        for (signalfd_siginfo told{}; read(signals_.native_handle(), &told, sizeof told) == sizeof told;)
            handle_signal(static_cast<int>(told.ssi_signo));
        watch_signals();
    });
}

void Supervisor::handle_signal(int number) {
    if (number == SIGCHLD) return look_for_strangers();
    if (number == SIGHUP) return begin_reload(next_correlation(), [](const std::string&) {});
    begin_stop(number == SIGINT ? "interrupted (SIGINT)" : "SIGTERM", next_correlation());
}

void Supervisor::look_for_strangers() {
    auto known = post_mortem_.pids();
    known.push_back(asking_ ? asking_->pid() : 0);
    hooks_.add_pids(known);
    for (const auto& worker : workers_) known.insert(known.end(), {worker->child.pid(), worker->successor.pid()});
    for (const auto pid : end_strangers(known))
        journal_->write(log_event::stranger_ended, next_correlation(), static_cast<uint64_t>(pid));
}

/// One timer for everything: the crew's next deadline, or the next look at the heartbeats.
void Supervisor::arm() {
    const auto next = std::min(crew_.next_deadline_ns(), next_look_ns_);
    timer_.expires_after(std::chrono::nanoseconds(std::max<int64_t>(0, next - now_ns())));
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) on_time();
    });
}

void Supervisor::on_time() {
    crew_.advance(now_ns());
    if (now_ns() >= next_look_ns_) look();
    arm();
}

/// "4 of 4 workers run", "3 of 4 workers run; storage is parked".
std::string Supervisor::status_line() const {
    size_t running = 0;
    std::string others;
    for (size_t i = 0; i < crew_.size(); ++i) {
        if (crew_[i].state == State::running && !crew_[i].paused)
            ++running;
        else
            others += fmt::format("{} {} is {}", others.empty() ? ";" : ",", crew_[i].name,
                                  crew_[i].paused ? "paused" : name_of(crew_[i].state));
    }
    return fmt::format("{} of {} workers run{}", running, crew_.size(), others);
}

/// The second time ends at once what still drains.
void Supervisor::begin_stop(const std::string& why, CorrelationId cause) {
    const bool again = crew_.stopping();
    if (!again) stop_cause_ = cause;
    if (exit_code_ == 0) announce("stopping{}: {}", again ? " at once" : "", why);
    journal_->write(log_event::stop_requested, cause, why);
    journal_->hop(cause, Hop::commanded, 0);
    instance_.control().instance.stopping.store(1, std::memory_order_release);
    notify_.stopping();
    if (reload_) end_reload(false);
    asking_.reset();
    crew_.stop_all(now_ns());
    arm();
}

/// Whoever still waits for an answer, waits in vain: no worker is left.
void Supervisor::finish() {
    if (hooks_.any()) return hooks_.when_idle([this] { finish(); });  // each ends within its time
    control_->close();
    forget_all();
    end_all_strangers();
    tell_lost();
    if (exit_code_ == 0) announce("instance {} has stopped", config().instance);
    io_.stop();
}

/// What goes with the segments although somebody should have kept it. Nobody is left to log it. The last words of the
/// logger, and of the supervisor after them, have no reader.
void Supervisor::tell_lost() {
    for (size_t i = 0; i < instance_.channels().size(); ++i) {
        const auto& channel = instance_.channels()[i];
        const bool kept = channel.wire->kind == ChannelKind::market || channel.wire->kind == ChannelKind::log;
        if (!kept || channel.writer == self) continue;
        for (const auto reader : readers_of(channel, instance_.processes())) {
            if (!keeps(reader.kind) || reader == channel.writer) continue;
            const auto left = unread(channel, instance_.held()[i], *find(name_of(reader))->slot);
            if (left != 0)
                announce("{} messages of {} are lost: {} had not read them",
                         left ? std::to_string(*left) : "an unknown number of", channel.name(), name_of(reader));
        }
    }
}

Supervisor::Worker* Supervisor::find(std::string_view name) {
    const auto found =
        std::ranges::find_if(workers_, [&](const auto& worker) { return name_of(worker->process) == name; });
    return found == workers_.end() ? nullptr : found->get();
}

size_t Supervisor::index_of(const Worker& worker) const {
    const auto found = std::ranges::find_if(workers_, [&](const auto& each) { return each.get() == &worker; });
    return static_cast<size_t>(found - workers_.begin());
}

}  // namespace of::supervisor
