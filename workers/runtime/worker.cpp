#include "workers/runtime/worker.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "proto/control.hpp"
#include "shm/life.hpp"
#include "workers/runtime/black_box.hpp"
#include "workers/runtime/gate.hpp"

namespace of {
namespace {

namespace asio = boost::asio;

constexpr auto tick_period = std::chrono::milliseconds(100);
constexpr auto calm_tick_period = std::chrono::seconds(1);
constexpr int64_t drain_deadline_default_ns = 10 * ns_per_s;
/// An orphan leaves the field for the next supervisor: what it has not read by then waits in its rings.
constexpr int64_t orphan_deadline_ns = 700'000'000;

int exit_code_of(const Error& error) {
    switch (error.kind) {
        case ErrorKind::mismatch:
        case ErrorKind::corrupt:
            return code(ExitCode::mismatch);
        case ErrorKind::no_space:
        case ErrorKind::busy:
        case ErrorKind::denied:
            return code(ExitCode::no_resources);
        case ErrorKind::invalid:
            return code(ExitCode::usage);
        case ErrorKind::failed:
        case ErrorKind::missing:
            return code(ExitCode::failed);
    }
    return code(ExitCode::failed);
}

/// The one place where a worker writes to stderr: it could not even start, so nobody else can say why.
int refuse_start(const WorkerOptions& options, const Error& error) {
    fmt::print(stderr, "of-{}: {}\n", name_of(options.self), error.message);
    return exit_code_of(error);
}

class Loop {
  public:
    Loop(Runtime& runtime, Worker& worker, Receiver<128> commands)
        : runtime_(runtime),
          worker_(worker),
          commands_(std::move(commands)),
          doorbell_(runtime.attachment().own_doorbell()),
          doorbell_stream_(runtime.io(), fcntl(doorbell_.event_fd(), F_DUPFD_CLOEXEC, 0)),
          timer_(runtime.io()),
          signals_(runtime.io(), SIGTERM),
          lifeline_(runtime.io()) {
        if (runtime.options().lifeline >= 0) lifeline_.assign(runtime.options().lifeline);
    }

    int run() {
        wait_for_bell();
        wait_for_signal();
        if (lifeline_.is_open()) wait_for_orphanage();
        schedule_tick(tick_period);
        runtime_.set_state(WorkerState::running);
        turn_began_ns_ = mono_ns();
        while (!finished()) turn();
        runtime_.log().write(log_event::worker_stopped, runtime_.next_correlation(), runtime_.name(), messages_);
        runtime_.metrics().publish();
        return code(ExitCode::ok);
    }

  private:
    void turn() {
        auto work = worker_.poll();
        messages_ += work;
        work += poll_commands();
        const auto ticks = ticks_;
        const auto handlers = runtime_.io().poll();
        stirred_ |= work + handlers > ticks_ - ticks;
        if (stirred_ && calm_) schedule_tick(tick_period);  // what has happened is published in time
        beat();
        if (work + handlers == 0) rest();
    }

    void beat() {
        const auto now = mono_ns();
        auto& own = runtime_.slot().own;
        own.heartbeat_ns.store(now, std::memory_order_relaxed);
        own.turns.store(own.turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        own.messages.store(messages_, std::memory_order_relaxed);
        const auto length = now - turn_began_ns_ - runtime_.take_napped_ns();
        if (length > own.longest_turn_ns.load(std::memory_order_relaxed))
            own.longest_turn_ns.store(length, std::memory_order_relaxed);
        if (length > shm::turn_limit_ns)
            own.overruns.store(own.overruns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        turn_began_ns_ = now;
        acknowledge_config();
    }

    /// A generation that is in force while this process still runs has changed nothing for it: else it would have been
    /// started anew. One that is being taken over is known to those it concerns before it is in force.
    void acknowledge_config() {
        const auto in_force = runtime_.control().instance.config_generation.load(std::memory_order_relaxed);
        auto& known = runtime_.slot().own.config_generation;
        if (known.load(std::memory_order_relaxed) < in_force) known.store(in_force, std::memory_order_relaxed);
    }

    void rest() {
        const auto mode = runtime_.options().wait;
        if (mode == WaitMode::spin) return __builtin_ia32_pause();
        if (mode == WaitMode::yield) return static_cast<void>(sched_yield());
        doorbell_.prepare_sleep();
        const auto ticks = ticks_;
        if (!worker_.pending() && !commands_.ready()) stirred_ |= runtime_.io().run_one() > ticks_ - ticks;
        doorbell_.awake();
        turn_began_ns_ = mono_ns();
    }

    size_t poll_commands() {
        size_t handled = 0;
        while (const auto* header = commands_.front()) {
            if (header->type == MessageType::command_drain) {
                deadline_ns_ = static_cast<int64_t>(reinterpret_cast<const CommandDrain*>(header)->deadline_ns);
                begin_drain(header->correlation, "the supervisor asks for it");
            }
            if (header->type == MessageType::command_breaker) {
                runtime_.trace().hop(header->correlation, Hop::commanded, mono_ns(), 0, -1);
                runtime_.breakers().obey(*reinterpret_cast<const CommandBreaker*>(header));
            }
            commands_.done();
            ++handled;
        }
        return handled;
    }

    void begin_drain(CorrelationId cause, std::string_view why) {
        if (draining_) return;
        draining_ = true;
        if (deadline_ns_ == 0) deadline_ns_ = mono_ns() + drain_deadline_default_ns;
        runtime_.log().write(log_event::worker_draining, cause, runtime_.name(), why);
        runtime_.set_state(WorkerState::draining);
        worker_.drain();
    }

    bool finished() const { return draining_ && (worker_.drained() || mono_ns() >= deadline_ns_); }

    void wait_for_bell() {
        doorbell_stream_.async_wait(asio::posix::stream_descriptor::wait_read,
                                    [this](const boost::system::error_code& error) {
                                        if (error) return;
                                        doorbell_.drain();
                                        wait_for_bell();
                                    });
    }
    void wait_for_signal() {
        signals_.async_wait([this](const boost::system::error_code& error, int) {
            if (error) return;
            if (!runtime_.alive(supervisor_process)) return orphaned();
            begin_drain(runtime_.next_correlation(), "SIGTERM");
            wait_for_signal();
        });
    }
    /// Nobody ever writes to the pipe: it becomes readable when the supervisor, and whoever keeps its other end for the
    /// next one, is gone.
    void wait_for_orphanage() {
        lifeline_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
            if (!error) orphaned();
        });
    }
    void orphaned() {
        deadline_ns_ = mono_ns() + orphan_deadline_ns;
        begin_drain(runtime_.next_correlation(), "the supervisor is gone");
    }
    void schedule_tick(std::chrono::nanoseconds after) {
        calm_ = after > tick_period;
        timer_.expires_after(after);
        timer_.async_wait([this](const boost::system::error_code& error) {
            ++ticks_;
            if (error) return;
            worker_.tick(mono_ns());
            runtime_.breakers().tick();
            runtime_.metrics().publish();
            const bool calm = !std::exchange(stirred_, false) && !draining_ && worker_.calm();
            schedule_tick(calm ? std::chrono::nanoseconds(calm_tick_period) : tick_period);
        });
    }

    Runtime& runtime_;
    Worker& worker_;
    Receiver<128> commands_;
    shm::DoorbellReader doorbell_;
    asio::posix::stream_descriptor doorbell_stream_;
    asio::steady_timer timer_;
    asio::signal_set signals_;
    asio::posix::stream_descriptor lifeline_;
    uint64_t messages_ = 0;
    uint64_t ticks_ = 0;    ///< handlers of the timer that ran
    bool stirred_ = false;  ///< since the last tick: something other than it has run
    bool calm_ = false;     ///< the next tick is a second away
    int64_t turn_began_ns_ = 0;
    int64_t deadline_ns_ = 0;
    bool draining_ = false;
};

/// An assertion's last words. The log's ring and page are shared memory: they outlive the abort that follows.
Runtime* asserting = nullptr;

void log_assertion(const char* condition, const char* file, int line) {
    if (asserting == nullptr) return;
    asserting->log().write(log_event::assertion_failed, CorrelationId{}, file, static_cast<uint64_t>(line), condition);
}

/// No worker outlives its supervisor unless it is told to: SIGTERM (and so a drain) when it dies. The look behind
/// closes the gap before the call.
bool bind_to_parent(uint64_t parent_pid, bool outlives_parent) {
    if (!outlives_parent) prctl(PR_SET_PDEATHSIG, SIGTERM);
    // Where Yama lets only ancestors look at a process: its children, of-autopsy, may take our stack when we hang.
    if (parent_pid != 0) prctl(PR_SET_PTRACER, parent_pid);
    return parent_pid == 0 || static_cast<uint64_t>(getppid()) == parent_pid;
}

/// From here on the process can do what its role does, and no more.
void shut_in(Runtime& runtime, const Worker& worker) {
    const auto& options = runtime.options();
    const auto report = enter_sandbox(worker.sandbox(), options.sandbox, options.lock_memory);
    const auto cause = runtime.next_correlation();
    if (!report.in_force.empty())
        runtime.log().write(log_event::sandbox_entered, cause, runtime.name(), report.in_force);
    if (!report.complete()) runtime.log().write(log_event::sandbox_incomplete, cause, runtime.name(), report.missing);
}

}  // namespace

int run_worker(const WorkerProgram& program, int argc, char** argv,
               std::unique_ptr<Worker> (*make)(Runtime& runtime, const settings::Loaded& settings)) {
    auto parsed = parse_options(program, argc, argv);
    if (const auto* exit_code = std::get_if<int>(&parsed)) return *exit_code;
    const auto& options = std::get<WorkerOptions>(parsed);
    signal(SIGINT, SIG_IGN);  // Ctrl-C reaches the whole terminal group; the supervisor alone decides the order
    signal(SIGPIPE, SIG_IGN);
    if (!bind_to_parent(options.parent_pid, options.outlives_parent))
        return refuse_start(options, {ErrorKind::failed, "the supervisor ended before this worker began"});
    prctl(PR_SET_NAME, fmt::format("of-{}", name_of(options.self)).c_str());
    arm_black_box(options.black_box);
    constexpr std::string_view everything_else[] = {"*"};
    const auto settings = settings::load(options.config_fd, options.config_path, program.sections, everything_else);
    if (options.config_fd >= 0) close(options.config_fd);
    if (!settings.problems.empty())
        return refuse_start(options, {ErrorKind::invalid, settings::render(options.config_path, settings.problems)});
    shm::register_membarrier();
    if (program.warm_up != nullptr) program.warm_up();
    if (options.gate >= 0 && !pass_gate(options.gate)) return code(ExitCode::ok);  // not wanted after all
    auto runtime = Runtime::attach(options);
    if (!runtime) return refuse_start(options, runtime.error());
    const shm::Life life((*runtime)->slot().own.life);
    if (options.lock_memory && mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return refuse_start(options,
                            {ErrorKind::no_space, fmt::format("memory cannot be locked: {}; raise locked_mb of "
                                                              "[supervisor.{}] or the limit of the service",
                                                              std::strerror(errno), name_of(options.self))});
    asserting = runtime->get();
    on_assert = log_assertion;
    auto commands = (*runtime)->receiver(ChannelKind::command, supervisor_process);
    if (!commands) return refuse_start(options, commands.error());
    const auto worker = make(**runtime, settings);
    if (auto started = worker->start(); !started) return refuse_start(options, started.error());
    Loop loop(**runtime, *worker, std::move(*commands));
    shut_in(**runtime, *worker);
    worker->begin();
    (*runtime)->set_state(WorkerState::ready);
    (*runtime)->log().write(log_event::worker_ready, (*runtime)->next_correlation(), (*runtime)->name(),
                            static_cast<uint64_t>(getpid()), (*runtime)->incarnation());
    note_in_black_box();
    return loop.run();
}

}  // namespace of
