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

/// "My state in the control page is now `state`."
struct EventState {
    Header header;
    WorkerState state;
    uint32_t reserved;
};
static_assert(fits<EventState, body_128> && sizeof(EventState) == 32);

}  // namespace of
