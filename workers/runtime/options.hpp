// The command line of a worker. The supervisor fills it in; a user meets it through --help and --check-config.
#pragma once

#include <map>
#include <string>
#include <variant>

#include "proto/settings.hpp"
#include "proto/types.hpp"
#include "shm/breaker.hpp"
#include "workers/runtime/sandbox.hpp"

namespace of {

/// How a worker spends its time when there is nothing to do.
enum class WaitMode : uint8_t { sleep, yield, spin };

struct WorkerOptions {
    ProcessId self;
    std::string instance = "orderflow";
    std::string config_path;
    std::string data_dir;
    std::string log_dir;
    uint64_t trace_sample = 0;  ///< 1 in so many pieces of work leaves trace hops; 0 for none
    WaitMode wait = WaitMode::sleep;
    shm::BreakerRules breaker;  ///< of every dependency, unless its worker has a reason for others
    uint64_t parent_pid = 0;
    bool outlives_parent = false;  ///< while somebody else holds the lifeline
    int config_fd = -1;  ///< the text of config_path as the supervisor accepted it; -1: read the file itself
    uint32_t config_generation = 0;  ///< of that text
    int gate = -1;       ///< socket: 8 bytes from it let this process in; -1: it is let in
    int lifeline = -1;   ///< pipe that ends with the supervisor; -1 for none
    int black_box = -1;  ///< memfd for what a crash leaves behind (black_box.hpp); -1 for none
    bool lock_memory = false;
    SandboxMode sandbox = SandboxMode::enforce;
    std::map<std::string, int> doorbells;  ///< eventfd of each process, inherited
};

/// What main() of a worker has to say of itself.
struct WorkerProgram {
    ProcessKind kind;
    std::string_view summary;  ///< one sentence for --help
    std::span<const settings::Section> sections;
    void (*warm_up)() = nullptr;  ///< before the gate: what takes time and needs nothing of the instance
};

/// The options, or the exit code with which the program is to end: after --help, --version, --check-config, or a bad
/// option.
std::variant<WorkerOptions, int> parse_options(const WorkerProgram& program, int argc, char** argv);

}  // namespace of
