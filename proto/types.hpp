// Who is who: the kinds of process, one process of an instance, and the states of its life.
//
// A process is {kind, index}. Only binance runs more than once; the name of index 0 is the bare kind ("binance"),
// others carry their index ("binance.1"). Used by every room; depends on nothing.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace of {

enum class ProcessKind : uint8_t { supervisor = 1, binance = 2, communication = 3, storage = 4, logger = 5 };

inline constexpr std::array process_kinds{ProcessKind::supervisor, ProcessKind::binance, ProcessKind::communication,
                                          ProcessKind::storage, ProcessKind::logger};

/// Feed workers that one instance can run at most.
inline constexpr uint8_t feeds_max = 8;
inline constexpr uint8_t feeds_default = 1;  ///< feed workers of an instance; more are not configurable yet

constexpr std::string_view name_of(ProcessKind kind) {
    switch (kind) {
        case ProcessKind::supervisor:
            return "supervisor";
        case ProcessKind::binance:
            return "binance";
        case ProcessKind::communication:
            return "communication";
        case ProcessKind::storage:
            return "storage";
        case ProcessKind::logger:
            return "logger";
    }
    return "unknown";
}

struct ProcessId {
    ProcessKind kind = ProcessKind::supervisor;
    uint8_t index = 0;

    friend constexpr bool operator==(ProcessId, ProcessId) = default;

    /// One byte for message headers: kind in the high half, index in the low one.
    constexpr uint8_t packed() const {
        return static_cast<uint8_t>((static_cast<uint8_t>(kind) << 4) | (index & 0x0f));
    }
    static constexpr ProcessId unpack(uint8_t byte) {
        return {static_cast<ProcessKind>(byte >> 4), static_cast<uint8_t>(byte & 0x0f)};
    }
};

inline constexpr ProcessId supervisor_process{ProcessKind::supervisor, 0};

/// "storage", "binance", "binance.1".
inline std::string name_of(ProcessId process) {
    std::string name{name_of(process.kind)};
    if (process.index != 0) name += "." + std::to_string(process.index);
    return name;
}

/// The process called `name`, or nothing for a name that no process can have.
inline std::optional<ProcessId> parse_process(std::string_view name) {
    const auto dot = name.find('.');
    unsigned index = 0;
    if (dot != std::string_view::npos) {
        const auto digits = name.substr(dot + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
        if (error != std::errc{} || end != digits.data() + digits.size() || index == 0 || index >= feeds_max) return {};
    }
    for (const auto kind : process_kinds) {
        if (name.substr(0, dot) != name_of(kind)) continue;
        if (index != 0 && kind != ProcessKind::binance) return {};
        return ProcessId{kind, static_cast<uint8_t>(index)};
    }
    return {};
}

/// The life of a worker (DESIGN: spawned -> attaching -> ready -> running -> draining -> stopped, or -> failed). A
/// worker says attaching to draining itself; the supervisor says the rest.
enum class WorkerState : uint32_t { absent, spawned, attaching, ready, running, draining, stopped, failed, parked };

constexpr std::string_view name_of(WorkerState state) {
    constexpr std::array names{"absent",   "spawned", "attaching", "ready", "running",
                               "draining", "stopped", "failed",    "parked"};
    const auto index = static_cast<size_t>(state);
    return index < names.size() ? names[index] : "unknown";
}

/// Documented exit codes of the programs of this system (deploy/OPERATIONS.md has the table for users).
enum class ExitCode : int {
    ok = 0,
    failed = 1,
    usage = 2,      ///< bad command line or configuration
    degraded = 3,   ///< not running, or not all of it
    not_found = 4,  ///< no such worker, segment or id
    denied = 5,
    timed_out = 6,
    unreachable = 7,    ///< no supervisor answers
    corrupt = 8,        ///< verification found damage
    mismatch = 9,       ///< version or layout differs
    no_resources = 10,  ///< shared memory, port or directory not to be had
    broken = 11,        ///< the control page broke under a running instance; a new start makes everything anew
    internal = 70,
};

constexpr int code(ExitCode exit_code) { return static_cast<int>(exit_code); }

}  // namespace of
