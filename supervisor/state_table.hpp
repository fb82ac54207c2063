// What the supervisor does with one worker: state x event -> next state and action. Pure; the loop carries actions out.
#pragma once

#include <cstdint>

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

enum class Event : uint8_t {
    start,    ///< the instance begins
    runs,     ///< the worker's own word
    died,     ///< reaped: it can never write again
    late,     ///< not ready within its time
    hung,     ///< no heartbeat within its limit
    restart,  ///< an operator's request
    stop,     ///< the instance ends, and it is this worker's turn
    overdue,  ///< did not die in time after a drain or an abort
    due,      ///< the planned restart's time has come
};

enum class Action : uint8_t {
    none,
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
            if (event == died) return {waiting, Action::plan};
            if (event == late || event == hung) return {starting, Action::kill};
            if (event == restart) return {restarting, Action::drain};
            if (event == stop) return {stopping, Action::drain};
            break;
        case running:
            if (event == died) return {waiting, Action::plan};
            if (event == hung) return {running, Action::abort};
            if (event == overdue) return {running, Action::kill};
            if (event == restart) return {restarting, Action::drain};
            if (event == stop) return {stopping, Action::drain};
            break;
        case stopping:
            if (event == died) return {idle, Action::settle};
            if (event == overdue || event == hung) return {stopping, Action::kill};
            break;
        case restarting:
            if (event == died) return {starting, Action::spawn};
            if (event == overdue || event == hung) return {restarting, Action::kill};
            if (event == stop) return {stopping, Action::none};
            break;
        case waiting:
        case parked:
            if (event == due || event == restart) return {starting, Action::spawn};
            if (event == stop) return {idle, Action::settle};
            break;
    }
    return {state, Action::none};
}

}  // namespace of::supervisor
