// Messages between the supervisor and a worker (`command.P`, `event.P`): slots of 128 bytes.
//
// Commands say what to do; events wake the supervisor at once when a worker's own word in the control page has changed,
// so that it need not poll.
#pragma once

#include "proto/message.hpp"

namespace of {

/// Finish what was begun, acknowledge it, and exit with code 0 before the deadline.
struct CommandDrain {
    Header header;
    uint64_t deadline_ns;  ///< CLOCK_MONOTONIC; SIGKILL follows
};
static_assert(fits<CommandDrain, body_128> && sizeof(CommandDrain) == 32);

enum class BreakerAction : uint32_t { trip, reset, open, close };

std::string_view name_of(BreakerAction action);  // message_names.cpp

/// What an operator wants of one of the worker's circuit breakers.
struct CommandBreaker {
    Header header;
    FixedText<24> name;
    BreakerAction action;
    uint32_t uid;    ///< who asked
    int64_t for_ns;  ///< open, close: how long; 0 until a reset
    FixedText<56> reason;
};
static_assert(fits<CommandBreaker, body_128> && sizeof(CommandBreaker) == 120);

/// "My state in the control page is now `state`."
struct EventState {
    Header header;
    WorkerState state;
    uint32_t reserved;
};
static_assert(fits<EventState, body_128> && sizeof(EventState) == 32);

}  // namespace of
