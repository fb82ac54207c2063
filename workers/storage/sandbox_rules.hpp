// What of-storage needs once its files are open: its folder, in which a new day, a log, a checkpoint or an expiry
// makes, writes and removes files. No socket of any kind.
#pragma once

#include "workers/runtime/sandbox.hpp"

namespace of::storage {

inline SandboxRules sandbox_rules(const std::string& folder) {
    return {.readable = {}, .writable = {folder}, .connect_ports = {}, .calls = {CallGroup::files}};
}

}  // namespace of::storage
