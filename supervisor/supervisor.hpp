// The supervisor's loop: thin I/O around state_table.hpp and restart_policy.hpp.
//
// Watches pidfds, the workers' own words in the control page, timers, signals and the control socket; turns each into
// an event of the state table, and carries out the action that follows. Stops in drain order: feeds, communication,
// storage, logger.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <memory>
#include <optional>
#include <random>

#include "supervisor/child.hpp"
#include "supervisor/config.hpp"
#include "supervisor/control_server.hpp"
#include "supervisor/instance.hpp"
#include "supervisor/state_table.hpp"
#include "supervisor/wire.hpp"

namespace of::supervisor {

class Supervisor {
  public:
    Supervisor(const Config& config, Instance& instance);
    ~Supervisor();

    /// SIGTERM and SIGINT: blocked by the caller before it makes anything that must be removed again; run() lets them
    /// in.
    static sigset_t stop_signals();
    /// Runs until stopped by a signal or a command; the exit code of the program.
    int run();

  private:
    struct Worker {
        Worker(boost::asio::io_context& io, ProcessId id, const RestartSettings& restart)
            : process(id), policy(restart), death(io), errors(io), ready_timer(io), kill_timer(io), restart_timer(io) {}
        ProcessId process;
        State state = State::idle;
        RestartPolicy policy;
        std::vector<std::string> argv;
        Child child;
        int64_t ready_ns = 0;  ///< since when it has been ready in this incarnation; 0 before
        bool ever_ready = false;
        std::string last_words;  ///< what it wrote to stderr
        std::unique_ptr<WorkerWire> wire;
        shm::ProcessSlot* slot = nullptr;
        boost::asio::posix::stream_descriptor death;
        boost::asio::posix::stream_descriptor errors;
        boost::asio::steady_timer ready_timer;
        boost::asio::steady_timer kill_timer;
        boost::asio::steady_timer restart_timer;
    };

    // supervisor.cpp: set-up, events, and the loop
    Expected<void> prepare();
    std::vector<std::string> arguments(const Worker& worker, const std::string& program) const;
    void on(Worker& worker, Event event);
    void watch_bell();
    void watch_signals();
    void watch_heartbeats();
    void look_at_states();
    void begin_stop(const std::string& why, CorrelationId cause);
    void stop_next();
    void fail_start(const Worker& worker, const Death& death);
    std::string command(const Peer& peer, const std::string& request);
    std::string command_breaker(Worker& worker, const Peer& peer, CorrelationId cause, const std::string& words);
    Worker* find(std::string_view name);

    // actions.cpp: what the table asks for
    void carry_out(Worker& worker, Action action, State before);
    void spawn(Worker& worker);
    void drain(Worker& worker);
    void plan(Worker& worker);
    void settle(Worker& worker);
    void watch_death(Worker& worker);
    void watch_errors(Worker& worker);
    bool pass_on_errors(Worker& worker);
    void died(Worker& worker);
    void after(boost::asio::steady_timer& timer, int64_t delay_ns, Worker& worker, Event event);

    CorrelationId next_correlation() { return correlations_.next(); }

    const Config& config_;
    Instance& instance_;
    boost::asio::io_context io_{1};
    CorrelationSource correlations_;
    std::vector<int> bells_;  ///< eventfd of each process, in the order of instance_.processes()
    std::string doorbells_argument_;
    std::vector<std::unique_ptr<Worker>> workers_;  ///< in the order of their start
    std::unique_ptr<Journal> journal_;
    std::unique_ptr<ControlServer> control_;
    boost::asio::posix::stream_descriptor bell_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer heartbeat_timer_;
    std::optional<shm::DoorbellReader> doorbell_;
    std::mt19937_64 random_{std::random_device{}()};
    Death last_death_;
    CorrelationId stop_cause_;
    int64_t last_look_ns_ = 0;
    int64_t started_ns_ = 0;
    bool stopping_ = false;
    bool announced_ = false;
    int exit_code_ = 0;
};

}  // namespace of::supervisor
