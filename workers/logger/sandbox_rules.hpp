// What of-logger needs once its file is open: its folder, in which a rotation renames and removes files. No socket of
// any kind.
#pragma once

#include "workers/runtime/sandbox.hpp"

namespace of::logger {

inline SandboxRules sandbox_rules(const std::string& folder) {
    return {.readable = {}, .writable = {folder}, .connect_ports = {}, .calls = {CallGroup::files}};
}

}  // namespace of::logger
