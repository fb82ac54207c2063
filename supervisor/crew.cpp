#include "supervisor/crew.hpp"

#include <algorithm>
#include <array>
#include <csignal>

namespace of::supervisor {
namespace {

/// Exit codes that say: the same start would fail again, for a reason that the user must mend.
bool users_to_mend(const Death& death) {
    return death.exit_code == code(ExitCode::usage) || death.exit_code == code(ExitCode::mismatch) ||
           death.exit_code == code(ExitCode::no_resources);
}

/// What a deadline that has come means in a state.
Event meaning_of_deadline(State state) {
    switch (state) {
        case State::starting:
            return Event::late;
        case State::waiting:
        case State::parked:
            return Event::due;
        case State::running:
        case State::stopping:
        case State::restarting:
        case State::idle:
            return Event::overdue;
    }
    return Event::overdue;
}

}  // namespace

void Crew::add(const std::string& name, ProcessKind kind, const MemberSettings& settings) {
    Member member{.name = name, .kind = kind, .settings = settings};
    member.policy = RestartPolicy(settings.restart);
    members_.push_back(std::move(member));
}

void Crew::change(size_t worker, const MemberSettings& settings) {
    members_[worker].settings = settings;
    members_[worker].policy.change(settings.restart);
}

void Crew::start_all(int64_t now_ns) {
    for (size_t worker = 0; worker < size() && !stopping_; ++worker) on(worker, Event::start, now_ns);
}

void Crew::stop_all(int64_t now_ns) {
    if (std::exchange(stopping_, true)) {
        for (size_t worker = 0; worker < size(); ++worker) end_at_once(worker, now_ns);
        return;
    }
    stop_next(now_ns);
}

/// Whatever it was about to do; nothing comes after it.
void Crew::end_at_once(size_t worker, int64_t now_ns) {
    auto& member = members_[worker];
    member.may_return = false;
    if (!member.exists) return on(worker, Event::stop, now_ns);
    member.state = State::stopping;
    member.deadline_ns = never;
    world_.signal(worker, SIGKILL);
}

/// Stops the first group in drain order that is not yet idle; ends when all are.
void Crew::stop_next(int64_t now_ns) {
    for (const auto kind : drain_order) {
        bool group_idle = true;
        for (size_t worker = 0; worker < size(); ++worker) {
            const auto& member = members_[worker];
            if (member.kind != kind) continue;
            if (must_return_to_store(member))
                return_to_store(worker, now_ns);
            else if (member.state != State::stopping && member.state != State::idle)
                on(worker, Event::stop, now_ns);
            group_idle = group_idle && member.state == State::idle;
        }
        if (!group_idle || ended_) return;
    }
    ended_ = true;
    world_.all_stopped();
}

/// What the feeds have accepted and the others have logged is kept, even if who keeps it was just dead when its turn
/// came, or died of it: a start that has succeeded once is worth another.
bool Crew::must_return_to_store(const Member& member) const {
    const bool absent = member.state == State::waiting || member.state == State::parked || member.unfinished;
    return keeps(member.kind) && member.may_return && member.ever_ready && absent;
}

/// It is asked to drain while it starts.
void Crew::return_to_store(size_t worker, int64_t now_ns) {
    members_[worker].may_return = members_[worker].unfinished = false;
    on(worker, Event::start, now_ns);
    on(worker, Event::stop, now_ns);
}

void Crew::start(size_t worker, int64_t now_ns) {
    members_[worker].policy.reset();
    on(worker, Event::start, now_ns);
}

void Crew::stop(size_t worker, int64_t now_ns) { on(worker, Event::stop, now_ns); }

void Crew::restart(size_t worker, int64_t now_ns) {
    members_[worker].policy.reset();
    on(worker, Event::restart, now_ns);
}

void Crew::kill(size_t worker, int number) {
    auto& member = members_[worker];
    if (!member.exists) return;
    if (number == SIGKILL) member.cause = Cause::commanded;
    world_.signal(worker, number);
}

void Crew::pause(size_t worker, bool paused, int64_t now_ns) {
    auto& member = members_[worker];
    if (!member.exists || member.paused == paused) return;
    member.paused = paused;
    if (!paused) member.judge.begin(now_ns);
    world_.signal(worker, paused ? SIGSTOP : SIGCONT);
}

void Crew::dying(size_t worker, int64_t now_ns) {
    if (members_[worker].exists) on(worker, Event::dying, now_ns);
}

void Crew::died(size_t worker, const Death& death, int64_t now_ns) {
    auto& member = members_[worker];
    member.death = death;
    member.exists = member.paused = false;
    member.deadline_ns = never;
    on(worker, Event::died, now_ns);
}

void Crew::says(size_t worker, WorkerState state, int64_t now_ns) {
    auto& member = members_[worker];
    if (!member.exists || (state != WorkerState::running && state != WorkerState::ready)) return;
    if (member.ready_ns == 0) {
        member.ready_ns = now_ns;
        member.ever_ready = true;
        if (member.state == State::starting) member.deadline_ns = never;
    }
    if (state == WorkerState::running) on(worker, Event::runs, now_ns);
    if (announced_ || stopping_ || !all_running()) return;
    announced_ = true;
    world_.all_run();
}

void Crew::look_at_beat(size_t worker, int64_t beat_ns, int64_t now_ns) {
    auto& member = members_[worker];
    if (!member.exists || member.ready_ns == 0 || member.paused) return;
    const auto limit = member.settings.heartbeat_timeout_ns;
    const auto verdict = member.judge.look(now_ns, beat_ns, limit, [&] { return world_.sample(worker); });
    if (verdict == Verdict::suspected) world_.suspected(worker, member.judge);
    // Said once: an abort is on its way when a deadline stands.
    if (verdict != Verdict::hung || member.cause == Cause::hung) return;
    member.cause = Cause::hung;
    world_.hung(worker, member.judge);
    on(worker, Event::hung, now_ns);
}

void Crew::advance(int64_t now_ns) {
    const auto passed = now_ns - std::exchange(advanced_ns_, now_ns);
    if (passed > HangJudge::freeze_ns && passed != now_ns) {
        for (auto& member : members_)
            if (member.deadline_ns != never) member.deadline_ns += passed;
        return;
    }
    for (size_t worker = 0; worker < size(); ++worker) {
        auto& member = members_[worker];
        if (member.deadline_ns > now_ns) continue;
        member.deadline_ns = never;
        on(worker, meaning_of_deadline(member.state), now_ns);
    }
}

int64_t Crew::next_deadline_ns() const {
    int64_t next = never;
    for (const auto& member : members_) next = std::min(next, member.deadline_ns);
    return next;
}

int64_t Crew::next_look_ns() const {
    int64_t next = never;
    for (const auto& member : members_) {
        if (member.exists && member.ready_ns != 0 && !member.paused)
            next = std::min(next, member.judge.next_look_ns(member.settings.heartbeat_timeout_ns));
    }
    return next;
}

void Crew::resume(size_t worker, State state, uint64_t failures, int64_t ready_ns, bool paused, int64_t now_ns) {
    auto& member = members_[worker];
    member.state = state;
    member.policy.resume(failures);
    member.exists = state == State::running || state == State::starting;
    member.ready_ns = ready_ns;
    member.ever_ready = true;
    member.paused = paused;
    member.judge.begin(now_ns);
    if (state == State::starting) member.deadline_ns = now_ns + member.settings.ready_timeout_ns;
    // A planned restart is planned again: at once, which is no later than it was.
    if (state == State::waiting || state == State::parked) member.deadline_ns = now_ns;
    announced_ = true;
}

bool Crew::all_running() const {
    return std::ranges::all_of(members_, [](const Member& member) { return member.state == State::running; });
}

bool Crew::at_rest() const {
    return std::ranges::none_of(members_, [](const Member& member) {
        const bool moving =
            member.state == State::starting || member.state == State::stopping || member.state == State::restarting;
        return moving || member.prepared || member.cause != Cause::own;
    });
}

void Crew::on(size_t worker, Event event, int64_t now_ns) {
    auto& member = members_[worker];
    const auto before = member.state;
    const auto [next, action] = transition(before, event);
    member.state = next;
    carry_out(worker, action, before, now_ns);
}

void Crew::carry_out(size_t worker, Action action, State before, int64_t now_ns) {
    auto& member = members_[worker];
    switch (action) {
        case Action::none:
            break;
        case Action::prepare:
            prepare(worker, now_ns);
            break;
        case Action::spawn:
            if (before == State::restarting) world_.restarting(worker, member.death, member.cause);
            spawn(worker, now_ns);
            break;
        case Action::drain:
            pause(worker, false, now_ns);
            member.deadline_ns = now_ns + member.settings.stop_timeout_ns;
            world_.drain(worker, member.deadline_ns);
            break;
        case Action::abort:
            member.deadline_ns = now_ns + abort_patience_ns;
            world_.signal(worker, SIGABRT);
            break;
        case Action::kill:
            if (before == State::starting && member.cause == Cause::own) {
                member.cause = Cause::late;
                world_.late(worker);
            }
            if (before == State::stopping || before == State::restarting) {
                member.cause = Cause::overdue;
                world_.overdue(worker);
            }
            world_.signal(worker, SIGKILL);
            break;
        case Action::plan:
            plan(worker, now_ns);
            break;
        case Action::settle:
            settle(worker, now_ns);
            break;
    }
}

void Crew::spawn(size_t worker, int64_t now_ns) {
    auto& member = members_[worker];
    member.ready_ns = 0;
    member.cause = Cause::own;
    member.prepared = false;
    member.judge.begin(now_ns);
    member.exists = world_.spawn(worker);
    member.deadline_ns = now_ns + member.settings.ready_timeout_ns;
    if (!member.exists) died(worker, {.exit_code = code(ExitCode::failed)}, now_ns);
}

void Crew::plan(size_t worker, int64_t now_ns) {
    auto& member = members_[worker];
    if (!member.ever_ready && users_to_mend(member.death)) {
        member.state = State::idle;
        dismiss(member, worker);
        world_.settled(worker, &member.death);
        world_.start_failed(worker, member.death);
        return;
    }
    const auto chance = std::uniform_real_distribution<double>(0.0, 1.0)(random_);
    const auto planned = member.policy.on_death(member.death, healthy_ns(member, now_ns), chance);
    member.state = planned.parked ? State::parked : State::waiting;
    if (planned.parked || planned.delay_ns > 0) dismiss(member, worker);
    member.deadline_ns = now_ns + planned.delay_ns;
    world_.planned(worker, member.death, std::exchange(member.cause, Cause::own), planned);
    if (planned.delay_ns == 0 && !planned.parked) on(worker, Event::due, now_ns);
}

void Crew::settle(size_t worker, int64_t now_ns) {
    auto& member = members_[worker];
    // One that had its time and did not end has no other; nor has one of which nobody knows that it failed.
    member.unfinished =
        stopping_ && member.death.known() && member.death.exit_code != 0 && member.cause != Cause::overdue;
    member.deadline_ns = never;
    member.cause = Cause::own;
    dismiss(member, worker);
    world_.settled(worker, &member.death);
    if (stopping_) stop_next(now_ns);
}

/// Only where the successor would be let through at once: a prepared process that waits holds memory for nothing.
void Crew::prepare(size_t worker, int64_t now_ns) {
    auto& member = members_[worker];
    if (member.prepared || stopping_) return;
    if (member.state != State::restarting && !member.policy.restarts_at_once(healthy_ns(member, now_ns))) return;
    member.prepared = true;
    world_.prepare(worker);
}

void Crew::dismiss(Member& member, size_t worker) {
    if (std::exchange(member.prepared, false)) world_.dismiss(worker);
}

}  // namespace of::supervisor
