// What of-communication needs once it listens: to take connections, and to read and write them. It opens no socket,
// binds no port, connects to nobody, and writes no file; the page that it serves is in the program.
#pragma once

#include "workers/runtime/sandbox.hpp"

namespace of::communication {

inline SandboxRules sandbox_rules() {
    return {.readable = {}, .writable = {}, .connect_ports = {}, .calls = {CallGroup::streams, CallGroup::accept}};
}

}  // namespace of::communication
