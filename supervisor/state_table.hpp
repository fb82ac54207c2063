// What the supervisor does with one worker: state x event -> next state and action. Pure; crew.cpp carries actions out.
#pragma once

#include <cstdint>
#include <string_view>

namespace of::supervisor {

enum class State : uint8_t {
    idle,      ///< not running, and not to be
    starting,  ///< spawned, has not yet said that it runs
    running,
    stopping,    ///< asked to drain, and not to come back
    restarting,  ///< asked to drain, and to come back
    waiting,     ///< dead; a restart is planned
    parked,      ///< failed too often; a probe is planned
};

constexpr std::string_view name_of(State state) {
    constexpr std::string_view names[] = {"idle", "starting", "running", "stopping", "restarting", "waiting", "parked"};
    return names[static_cast<size_t>(state)];
}

enum class Event : uint8_t {
    start,    ///< the instance begins, or an operator wants it to run
    runs,     ///< the worker's own word
    dying,    ///< the kernel has begun to take it down; it is not yet gone
    died,     ///< reaped: it can never write again
    late,     ///< not ready within its time
    hung,     ///< silent beyond its limit, and not for want of a CPU
    restart,  ///< an operator's request
    stop,     ///< the instance ends and it is this worker's turn, or an operator's request
    overdue,  ///< did not die in time after a drain or an abort
    due,      ///< the planned restart's time has come
};

enum class Action : uint8_t {
    none,
    prepare,  ///< start the successor up to its gate, if it is to follow at once
    spawn,
    drain,   ///< command_drain with a deadline
    abort,   ///< SIGABRT for a core, then `overdue`
    kill,    ///< SIGKILL
    plan,    ///< ask the restart policy: waiting, or parked
    settle,  ///< note that it is gone for good
};

struct Transition {
    State next;
    Action action;
};

/// What follows from `event` in `state`. An event that has no meaning in a state changes nothing.
constexpr Transition transition(State state, Event event) {
    using enum State;
    using enum Event;
    switch (state) {
        case idle:
            if (event == start || event == restart) return {starting, Action::spawn};
            break;
        case starting:
            if (event == runs) return {running, Action::none};
            if (event == dying) return {starting, Action::prepare};
            if (event == died) return {waiting, Action::plan};
            if (event == late || event == hung) return {starting, Action::kill};
            if (event == restart) return {restarting, Action::drain};
            if (event == stop) return {stopping, Action::drain};
            break;
        case running:
            if (event == dying) return {running, Action::prepare};
            if (event == died) return {waiting, Action::plan};
            if (event == hung) return {running, Action::abort};
            if (event == overdue) return {running, Action::kill};
            if (event == restart) return {restarting, Action::drain};
            if (event == stop) return {stopping, Action::drain};
            break;
        case stopping:
            if (event == died) return {idle, Action::settle};
            if (event == overdue || event == hung) return {stopping, Action::kill};
            if (event == start || event == restart) return {restarting, Action::none};
            break;
        case restarting:
            if (event == dying) return {restarting, Action::prepare};
            if (event == died) return {starting, Action::spawn};
            if (event == overdue || event == hung) return {restarting, Action::kill};
            if (event == stop) return {stopping, Action::none};
            break;
        case waiting:
        case parked:
            if (event == due || event == restart || event == start) return {starting, Action::spawn};
            if (event == stop) return {idle, Action::settle};
            break;
    }
    return {state, Action::none};
}

}  // namespace of::supervisor
