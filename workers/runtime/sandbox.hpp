// The sandbox that a worker shuts behind itself: what its role needs once it is ready, and nothing else.
//
// A role says what it needs (SandboxRules, built beside the role's code); enter_sandbox() carries it out: no new
// privileges, no capabilities, Landlock rules for files, ports and signals, a seccomp filter of calls. Entered once, by
// the main thread, before there is any other thread and before the first byte from outside is read. It cannot be left.
// What the host does not have is not in force: the worker runs, and the report says what is missing. SANDBOX.md has the
// tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace of {

/// audit: calls that enforce would end the process for are logged by the kernel, and done; files and ports are free.
enum class SandboxMode : uint8_t { enforce, audit, off };

/// "enforce", "audit" or "off".
std::optional<SandboxMode> parse_sandbox_mode(std::string_view text);

/// System calls beyond those that every worker makes.
enum class CallGroup : uint8_t {
    files,    ///< make, write, rename and remove files
    streams,  ///< read and write sockets
    accept,   ///< take connections of a socket that listens already
    connect,  ///< open sockets to the internet, and resolve names: a thread and loadable modules
};

struct SandboxRules {
    std::vector<std::string> readable;    ///< files, and folders with all below them; what does not exist is left out
    std::vector<std::string> writable;    ///< folders in which files may be made, written, renamed and removed
    std::vector<uint16_t> connect_ports;  ///< TCP; none: no connection at all. No port may ever be bound
    std::vector<CallGroup> calls;

    bool has(CallGroup group) const;
};

/// What has come of it.
struct SandboxReport {
    std::string in_force;  ///< "seccomp filter of 61 calls, Landlock ABI 7"
    std::string missing;   ///< sentences; empty when nothing is

    bool complete() const { return missing.empty(); }
};

/// What the host needs no privileges for is done in every mode but off. `keeps_memory_locked`: memory was locked for
/// good with a capability that goes now, so its limit is lifted first.
SandboxReport enter_sandbox(const SandboxRules& rules, SandboxMode mode, bool keeps_memory_locked = false);

}  // namespace of
