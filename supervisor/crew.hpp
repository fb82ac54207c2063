// The workers of an instance and what is decided about them. Pure: time, chance and the world are arguments.
//
// Whoever sees something (a pidfd, a worker's word, a deadline, an operator) tells the crew; the crew asks the state
// table, the restart policy and the hang judge, and has the World do what follows. The supervisor's loop is one World,
// the simulation in tests/ is another. Stops in drain order: feeds, communication, storage, logger.
#pragma once

#include <array>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "proto/types.hpp"
#include "supervisor/hang_judge.hpp"
#include "supervisor/restart_policy.hpp"
#include "supervisor/state_table.hpp"

namespace of::supervisor {

/// The order in which an instance drains: intake first, the logger when all others have said their last.
inline constexpr std::array drain_order{ProcessKind::binance, ProcessKind::communication, ProcessKind::storage,
                                        ProcessKind::logger};

/// What is in its rings is to be kept, whoever dies.
constexpr bool keeps(ProcessKind kind) { return kind == ProcessKind::storage || kind == ProcessKind::logger; }

/// What a worker is allowed; a reload may change it at any time.
struct MemberSettings {
    RestartSettings restart;
    int64_t ready_timeout_ns = 0;
    int64_t heartbeat_timeout_ns = 0;
    int64_t stop_timeout_ns = 0;
};

/// What the crew has done and asked of it. Workers are numbered in the order of their start.
class World {
  public:
    virtual ~World() = default;
    /// Starts a worker, or lets a prepared one through its gate. False: no process came to be.
    virtual bool spawn(size_t worker) = 0;
    /// Starts the successor of a dying worker as far as its gate. May fail in silence: spawn() starts it then.
    virtual void prepare(size_t worker) = 0;
    /// Ends a prepared successor that is not wanted after all.
    virtual void dismiss(size_t worker) = 0;
    virtual void drain(size_t worker, int64_t deadline_ns) = 0;
    virtual void signal(size_t worker, int number) = 0;
    virtual SchedulerSample sample(size_t worker) = 0;

    /// To be told: in the control page, the log, the post mortem.
    virtual void planned(size_t worker, const Death& death, Cause cause, const RestartPlan& plan) = 0;
    virtual void settled(size_t worker, const Death* death) = 0;
    virtual void restarting(size_t worker, const Death& death, Cause cause) = 0;  ///< before the spawn that follows
    virtual void late(size_t worker) = 0;
    virtual void suspected(size_t worker, const HangJudge& judge) = 0;
    virtual void hung(size_t worker, const HangJudge& judge) = 0;
    virtual void overdue(size_t worker) = 0;
    /// The first start failed for a reason that the user must mend: a cause to stop everything.
    virtual void start_failed(size_t worker, const Death& death) = 0;
    virtual void all_run() = 0;
    virtual void all_stopped() = 0;
};

class Crew {
  public:
    static constexpr int64_t never = std::numeric_limits<int64_t>::max();
    /// From SIGABRT to SIGKILL: time to write a core.
    static constexpr int64_t abort_patience_ns = 2'000'000'000;

    struct Member {
        std::string name;
        ProcessKind kind = ProcessKind::logger;
        MemberSettings settings;
        State state = State::idle;
        RestartPolicy policy{RestartSettings{}};
        HangJudge judge;
        bool exists = false;      ///< there is a process, alive or not yet reaped
        bool prepared = false;    ///< its successor waits at the gate
        bool paused = false;      ///< by an operator: its silence is no hang
        bool ever_ready = false;  ///< in any incarnation
        bool unfinished = false;  ///< it died while it drained for a stop
        bool may_return = true;   ///< once, to drain for a stop (must_return_to_store)
        int64_t ready_ns = 0;     ///< of this incarnation; 0 before
        int64_t deadline_ns = never;
        Cause cause = Cause::own;
        Death death;  ///< the last
    };

    Crew(World& world, uint64_t seed) : world_(world), random_(seed) {}
    void add(const std::string& name, ProcessKind kind, const MemberSettings& settings);
    void change(size_t worker, const MemberSettings& settings);

    void start_all(int64_t now_ns);
    /// Begins to stop all in drain order. The second time: kills whatever still drains.
    void stop_all(int64_t now_ns);
    void start(size_t worker, int64_t now_ns);
    void stop(size_t worker, int64_t now_ns);
    void restart(size_t worker, int64_t now_ns);
    void kill(size_t worker, int number);
    void pause(size_t worker, bool paused, int64_t now_ns);

    /// The early notice: the kernel has begun to take the process down.
    void dying(size_t worker, int64_t now_ns);
    /// Reaped.
    void died(size_t worker, const Death& death, int64_t now_ns);
    /// The worker's own word; `ready` and `running` count, in its present incarnation.
    void says(size_t worker, WorkerState state, int64_t now_ns);
    void look_at_beat(size_t worker, int64_t beat_ns, int64_t now_ns);
    /// Acts on the deadlines that have come. To be called at least once for each HangJudge::calm_look_ns: a gap of more
    /// than freeze_ns is time in which nobody ran, and does not count for any deadline.
    void advance(int64_t now_ns);
    int64_t next_deadline_ns() const;
    int64_t next_look_ns() const;

    /// After a supervisor was executed anew, or another one has died: a worker that lived through it.
    void resume(size_t worker, State state, uint64_t failures, int64_t ready_ns, bool paused, int64_t now_ns);

    const Member& operator[](size_t worker) const { return members_[worker]; }
    size_t size() const { return members_.size(); }
    bool stopping() const { return stopping_; }
    /// All have run at one time since the start.
    bool announced() const { return announced_; }
    bool all_running() const;
    /// No worker is on its way up or down.
    bool at_rest() const;

  private:
    void on(size_t worker, Event event, int64_t now_ns);
    void carry_out(size_t worker, Action action, State before, int64_t now_ns);
    void spawn(size_t worker, int64_t now_ns);
    void plan(size_t worker, int64_t now_ns);
    void settle(size_t worker, int64_t now_ns);
    void prepare(size_t worker, int64_t now_ns);
    void dismiss(Member& member, size_t worker);
    void end_at_once(size_t worker, int64_t now_ns);
    void stop_next(int64_t now_ns);
    bool must_return_to_store(const Member& member) const;
    void return_to_store(size_t worker, int64_t now_ns);
    int64_t healthy_ns(const Member& member, int64_t now_ns) const {
        return member.ready_ns == 0 ? 0 : now_ns - member.ready_ns;
    }

    World& world_;
    std::mt19937_64 random_;
    std::vector<Member> members_;
    int64_t advanced_ns_ = 0;
    bool stopping_ = false;
    bool announced_ = false;
    bool ended_ = false;
};

}  // namespace of::supervisor
