// The supervisor's loop: thin I/O around the crew (crew.hpp), which decides.
//
// Watches pidfds, robust futexes, the workers' own words in the control page, timers, signals and the control socket;
// tells the crew, and does what the crew asks of its World. Never touches what workers write to each other: it maps the
// control page, its own queues and its own log, and nothing else.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <memory>
#include <optional>
#include <span>

#include "shm/life.hpp"
#include "supervisor/asking.hpp"
#include "supervisor/beginning.hpp"
#include "supervisor/child.hpp"
#include "supervisor/control_server.hpp"
#include "supervisor/crew.hpp"
#include "supervisor/death_watch.hpp"
#include "supervisor/finish_hooks.hpp"
#include "supervisor/moment.hpp"
#include "supervisor/notify.hpp"
#include "supervisor/post_mortem.hpp"
#include "supervisor/wall_clock.hpp"
#include "supervisor/wire.hpp"

namespace of::supervisor {

struct ReloadPlan;

class Supervisor final : private World {
  public:
    explicit Supervisor(Beginning beginning);
    ~Supervisor() override;

    /// Signals that the loop reads from a descriptor: blocked by the caller before it makes anything that must be
    /// removed again, and from then on.
    static sigset_t loop_signals();
    /// Runs until stopped by a signal or a command; the exit code of the program.
    int run();

  private:
    using Stream = boost::asio::posix::stream_descriptor;
    struct Worker {
        Worker(boost::asio::io_context& io, ProcessId id) : process(id), death(io), errors(io) {}
        ProcessId process;
        Child child;
        Newcomer successor;
        std::string last_words;  ///< what it wrote to stderr
        int black_box = -1;      ///< the child's
        std::string stack;              ///< taken while it did not beat
        uint64_t oom_kills_before = 0;  ///< in its cgroup
        std::unique_ptr<WorkerWire> wire;
        shm::ProcessSlot* slot = nullptr;
        bool wire_is_new = false;  ///< made behind its back: it still listens to the former one
        Stream death;
        Stream errors;
    };
    /// What is known of a death before the successor begins to overwrite it.
    struct Demise {
        Moment moment;
        Death death;
        Cause cause;
        State before;
        std::string last_words;
        std::string stack;
        int black_box;
        uint64_t oom_kills_before;
    };
    /// Segments that broke and were made anew, until all who have the former ones mapped have let go of them.
    struct Mending {
        struct Former {
            size_t channel;
            HeldSegment segment;
        };
        /// Where the reader of a former ring has ended.
        struct Leaving {
            size_t former;
            ProcessId reader;
            uint64_t position;
        };
        std::vector<Former> former;
        std::vector<Leaving> leaving;
        std::vector<size_t> to_restart;  ///< in the order of MendPlan::restart
        bool drains = false;             ///< the first of them
        std::string names;               ///< of all that were to be restarted
        int64_t found_ns = 0;
    };
    /// A reload on its way: one at a time.
    struct Reload {
        ConfigText text;
        CheckedConfig checked;
        CorrelationId cause;
        ControlServer::Reply reply;
        std::vector<std::string> report;  ///< "storage restarted"
        std::vector<size_t> to_restart;   ///< in the order of their start
        std::vector<size_t> restarted;
        std::optional<uint32_t> awaited;  ///< incarnation of to_restart.front() that must come to run
        bool rolling_back = false;
        std::string failure;
    };

    // supervisor.cpp: set-up, events, and the loop
    Expected<void> prepare();
    void make_wire(Worker& worker);
    void make_journal();
    shm::DoorbellWriter bell_of(ProcessId process, shm::WakeAt wake_at) const;
    void apply_limits();
    void add_worker(size_t slot);
    void introduce();
    void resume();
    void watch_bell();
    void watch_notices();
    void watch_signals();
    void handle_signal(int number);
    void look_for_strangers();
    void arm();
    void on_time();
    void look();
    void look_at_states();
    void look_at_clock();
    void note_starts();
    std::string status_line() const;
    void ask_for_time(int64_t now);
    void begin_stop(const std::string& why, CorrelationId cause);
    void finish();
    void tell_lost();
    Worker* find(std::string_view name);
    size_t index_of(const Worker& worker) const;

    // world.cpp: what the crew asks for
    bool spawn(size_t worker) override;
    void prepare(size_t worker) override;
    void dismiss(size_t worker) override;
    void drain(size_t worker, int64_t deadline_ns) override;
    void signal(size_t worker, int number) override;
    SchedulerSample sample(size_t worker) override;
    void planned(size_t worker, const Death& death, Cause cause, const RestartPlan& plan) override;
    void settled(size_t worker, const Death* death) override;
    void restarting(size_t worker, const Death& death, Cause cause) override;
    void late(size_t worker) override;
    void suspected(size_t worker, const HangJudge& judge) override;
    void hung(size_t worker, const HangJudge& judge) override;
    void overdue(size_t worker) override;
    void start_failed(size_t worker, const Death& death) override;
    void all_run() override;
    void all_stopped() override;
    Expected<void> launch(Worker& worker);
    Expected<void> equip(Worker& worker);
    void watch_death(Worker& worker);
    void watch_errors(Worker& worker);
    bool pass_on_errors(Worker& worker);
    void died(Worker& worker);
    std::string tell_death(const Worker& worker, const Death& death, uint64_t delay_ms, CorrelationId cause);
    void run_hook(size_t worker, const Death& death, Cause cause, uint32_t incarnation);

    // examine.cpp: what is known of the dead
    autopsy::Facts facts_of(ProcessId process, std::string_view cause) const;
    Demise look_back(Worker& worker, const Death& death) const;
    void examine(const Worker& worker, const Demise& demise);
    void examine_former();
    void log_stack(size_t worker);
    void abort_with_stack(size_t worker);
    PostMortem::Told told_of_post_mortems();
    void finish_after_bundles(int64_t since_ns);

    // commands.cpp: what operators ask for
    void command(const Peer& peer, const std::string& request, ControlServer::Reply reply);
    std::string command_worker(Worker& worker, const Peer& peer, CorrelationId cause, std::string_view verb,
                               const std::string& words);
    std::string command_breaker(Worker& worker, const Peer& peer, CorrelationId cause, const std::string& words);
    ControlServer::Reply audit(const Peer& peer, CorrelationId cause, const std::string& request,
                               ControlServer::Reply reply);

    // reload.cpp
    void begin_reload(CorrelationId cause, ControlServer::Reply reply);
    void checked(int exit_code, const std::string& output);
    void accept_reload();
    void take_config(Config next, ConfigText text);
    std::vector<size_t> touched_by(const ReloadPlan& plan);
    void step_reload();
    void fail_reload(const std::string& why);
    void end_reload(bool well);

    // mend.cpp
    std::optional<std::string> damage_of(const HeldSegment& held);
    bool look_at_segments();
    void give_up(const std::string& name, const std::string& why);
    void remake(const std::vector<std::pair<size_t, std::string>>& broken);
    void remake_governor(const std::string& why);
    void take_new_ends(const Channel& channel);
    void concern(std::span<const ProcessId> processes);
    bool lets_go(size_t worker);
    void step_mending();
    void tell_unread();

    // keep.cpp: what outlives this supervisor
    void keep(const std::string& name, int descriptor);
    void keep_instance();
    void keep_state();
    void keep_governor();
    void keep_config();
    void keep_worker(const Worker& worker, uint32_t incarnation);
    void forget_worker(const Worker& worker, uint32_t incarnation);
    void forget_all();
    void introduce_kept();
    void restart_those_ahead();

    // upgrade.cpp
    enum class Upgrade : uint8_t { done, asked };  ///< done, or only whether it could be
    void begin_upgrade(CorrelationId cause, const std::string& wanted, Upgrade how, ControlServer::Reply reply);
    void execute(CorrelationId cause, const std::string& path, const ControlServer::Reply& reply);
    Handover hand_over();

    CorrelationId next_correlation() { return correlations_.next(); }
    const Config& config() const { return checked_.config; }

    CheckedConfig checked_;
    ConfigText text_;
    std::unique_ptr<Instance> owned_instance_;
    Instance& instance_;
    Launcher launcher_;
    std::vector<Newcomer> newcomers_;  ///< of the start, until they have become the workers' successors
    std::optional<Handover> handover_;
    const bool taken_over_;
    const std::string not_taken_over_;
    Notify notify_ = Notify::from_environment();
    std::optional<DescriptorStore> store_;  ///< where workers are to outlive us
    boost::asio::io_context io_{1};
    CorrelationSource correlations_;
    Crew crew_;
    std::vector<std::unique_ptr<Worker>> workers_;  ///< in the order of their start, as the crew numbers them
    std::unique_ptr<Journal> journal_;
    std::unique_ptr<ControlServer> control_;
    std::unique_ptr<DeathWatch> death_watch_;
    std::optional<shm::Life> life_;
    Stream bell_;
    Stream notices_;
    Stream signals_;
    boost::asio::steady_timer timer_;
    boost::asio::steady_timer finish_timer_{io_};
    std::optional<shm::DoorbellReader> doorbell_;
    PostMortem post_mortem_;
    std::optional<Moment> former_;  ///< of the supervisor before this one, which died
    std::optional<Asking> asking_;  ///< a program that is asked about a configuration or a layout
    std::optional<Reload> reload_;
    std::optional<Mending> mending_;
    FinishHooks hooks_;
    int64_t next_segment_look_ns_ = 0;
    uint64_t bus_faults_seen_ = 0;
    bool fence_ = false;
    CorrelationId stop_cause_;
    int64_t next_look_ns_ = 0;
    WallClock wall_clock_;
    int64_t started_ns_ = 0;
    uint32_t config_generation_ = 1;
    uint32_t text_generation_ = 1;  ///< what text_ is, or becomes if the reload on its way succeeds
    int exit_code_ = 0;
};

}  // namespace of::supervisor
