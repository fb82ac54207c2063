#include "supervisor/config_sections.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "supervisor/resources.hpp"
#include "supervisor/restart_policy.hpp"

namespace of::supervisor {
namespace {

using settings::Key;
using settings::Kind;

std::string expects_name(std::string_view value) {
    const bool good = !value.empty() && value.size() <= 40 && std::ranges::all_of(value, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
    return good ? "" : "1 to 40 letters, digits, '-' or '_'";
}
std::string expects_name_or_none(std::string_view value) { return value.empty() ? "" : expects_name(value); }
std::string expects_path(std::string_view value) { return value.empty() ? "a path" : ""; }

std::string expects_program(std::string_view value) {
    const bool good = value.empty() || (value.starts_with('/') && access(std::string(value).c_str(), X_OK) == 0);
    return good ? "" : "the absolute path of a program that can be executed";
}

std::string expects_death(std::string_view value) {
    return parse_death(value) != 0 ? "" : "an exit code from 1 to 255 or a signal's name such as \"SIGSYS\"";
}
std::string expects_cpus(std::string_view value) {
    return parse_cpus(value) ? "" : "a list of CPU numbers such as \"0,2-3\"";
}

constexpr Key instance_keys[] = {
    {.name = "name",
     .fallback = R"("orderflow")",
     .help = "names the shared-memory segments, /dev/shm/NAME.*",
     .expects = expects_name},
    {.name = "state_dir", .fallback = R"("/run/orderflow")", .help = "lock, control socket", .expects = expects_path},
    {.name = "data_dir", .fallback = R"("/var/lib/orderflow")", .help = "the store's files", .expects = expects_path},
    {.name = "log_dir", .fallback = R"("/var/log/orderflow")", .help = "the log's files", .expects = expects_path},
    {.name = "governor",
     .fallback = R"("")",
     .help = "the exchange's request limits are shared by all instances that name the same page, "
             "/dev/shm/NAME.governor; empty: of-host-UID, one for all of this user's",
     .expects = expects_name_or_none},
    {.name = "bin_dir", .fallback = R"("")", .help = "where the worker programs are; empty: beside ofsupervisor"},
};
constexpr Key supervisor_keys[] = {
    {.name = "ready_timeout_ms",
     .kind = Kind::integer,
     .fallback = "10000",
     .help = "a worker that is not ready by then is killed",
     .min = 100,
     .max = 600'000},
    {.name = "heartbeat_timeout_ms",
     .kind = Kind::integer,
     .fallback = "10000",
     .help = "a worker silent for so long is aborted",
     .min = 3'000,
     .max = 600'000},
    {.name = "stop_timeout_ms",
     .kind = Kind::integer,
     .fallback = "10000",
     .help = "a worker that has not drained by then is killed",
     .min = 100,
     .max = 600'000},
    {.name = "wait", .fallback = R"("sleep")", .help = "what an idle worker does", .choices = "sleep|yield|spin"},
    {.name = "cgroups",
     .fallback = R"("auto")",
     .help = "auto: each worker gets a cgroup of its own where cgroup v2 is delegated to us",
     .choices = "auto|off"},
    {.name = "orphans",
     .fallback = R"("end")",
     .help =
         "workers whose supervisor died: end: drain and end; keep: go on until the next supervisor takes them over, "
         "for which the service manager must keep descriptors (FileDescriptorStoreMax=)",
     .choices = "end|keep"},
    {.name = "sandbox",
     .fallback = R"("enforce")",
     .help = "enforce: a worker can do what its role needs and nothing else; audit: the kernel logs what it would "
             "be ended for; off: as far as its user's rights go",
     .choices = "enforce|audit|off"},
    {.name = "finish_hook",
     .fallback = R"("")",
     .help = "a program to run after each death of a worker, with NAME CODE SIGNAL INCARNATION CAUSE; killed after 5 s",
     .expects = expects_program},
};
constexpr Key restart_keys[] = {
    {.name = "first_delay_ms",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "before the first restart after a healthy period",
     .min = 0,
     .max = 600'000},
    {.name = "delay_min_ms",
     .kind = Kind::integer,
     .fallback = "50",
     .help = "before the second restart; doubles from there",
     .min = 1,
     .max = 600'000},
    {.name = "delay_max_ms",
     .kind = Kind::integer,
     .fallback = "30000",
     .help = "the longest delay",
     .min = 1,
     .max = 3'600'000,
     .not_below = "delay_min_ms"},
    {.name = "jitter_percent",
     .kind = Kind::integer,
     .fallback = "20",
     .help = "random share of each delay",
     .min = 0,
     .max = 100},
    {.name = "healthy_after_ms",
     .kind = Kind::integer,
     .fallback = "60000",
     .help = "a worker ready for so long has its failures forgotten",
     .min = 1,
     .max = 86'400'000},
    {.name = "failures_max",
     .kind = Kind::integer,
     .fallback = "10",
     .help = "so many failures without a healthy period park the worker",
     .min = 1,
     .max = 1'000'000},
    {.name = "probe_ms",
     .kind = Kind::integer,
     .fallback = "60000",
     .help = "between two tries of a parked worker",
     .min = 100,
     .max = 86'400'000},
    {.name = "park_on",
     .kind = Kind::text_list,
     .fallback = R"(["2", "9", "SIGSYS"])",
     .help = "deaths that a restart cannot mend park at once: exit codes and signals",
     .expects = expects_death},
};
/// Of one worker, under [supervisor.NAME]; 0 stands for "as in [supervisor] and [supervisor.restart]" or "as
/// inherited".
constexpr Key worker_keys[] = {
    {.name = "ready_timeout_ms",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "0: as in [supervisor]",
     .min = 0,
     .max = 600'000},
    {.name = "heartbeat_timeout_ms",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "0: as in [supervisor]; else at least 3000",
     .min = 0,
     .max = 600'000},
    {.name = "stop_timeout_ms",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "0: as in [supervisor]",
     .min = 0,
     .max = 600'000},
    {.name = "failures_max",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "0: as in [supervisor.restart]",
     .min = 0,
     .max = 1'000'000},
    {.name = "delay_max_ms",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "0: as in [supervisor.restart]",
     .min = 0,
     .max = 3'600'000},
    {.name = "finish_hook", .fallback = R"("")", .help = "empty: as in [supervisor]", .expects = expects_program},
    {.name = "cpus",
     .fallback = R"("")",
     .help = "CPUs that it may run on, such as 2 or 0,2-3; empty: as inherited",
     .expects = expects_cpus},
    {.name = "nice", .kind = Kind::integer, .fallback = "0", .help = "0: as inherited", .min = -20, .max = 19},
    {.name = "realtime_priority",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "SCHED_FIFO of this priority; 0: the usual scheduler",
     .min = 0,
     .max = 99},
    {.name = "oom_score_adjust",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "0: as inherited; -1000 is never chosen by the OOM killer",
     .min = -1000,
     .max = 1000},
    {.name = "open_files",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "RLIMIT_NOFILE; 0: as inherited; else at least 128",
     .min = 0,
     .max = 1 << 30},
    {.name = "core_mb",
     .kind = Kind::integer,
     .fallback = "-1",
     .help = "RLIMIT_CORE; 0: no cores, -1: as inherited",
     .min = -1,
     .max = 1 << 20},
    {.name = "locked_mb",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "RLIMIT_MEMLOCK; 0: as inherited",
     .min = 0,
     .max = 1 << 20},
    {.name = "lock_memory", .kind = Kind::boolean, .fallback = "false", .help = "keep all of its memory in RAM"},
    {.name = "memory_mb",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "memory.max of its cgroup, where it has one; 0: no limit",
     .min = 0,
     .max = 1 << 24},
    {.name = "cpu_weight",
     .kind = Kind::integer,
     .fallback = "100",
     .help = "cpu.weight of its cgroup, where it has one",
     .min = 1,
     .max = 10'000},
    {.name = "tasks_max",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "pids.max of its cgroup, where it has one; 0: no limit",
     .min = 0,
     .max = 1 << 22},
    {.name = "sandbox",
     .fallback = R"("inherit")",
     .help = "inherit: as in [supervisor]",
     .choices = "inherit|enforce|audit|off"},
};
constexpr Key post_mortem_keys[] = {
    {.name = "enabled", .kind = Kind::boolean, .fallback = "true", .help = "write a bundle for each death"},
    {.name = "keep",
     .kind = Kind::integer,
     .fallback = "20",
     .help = "so many bundles are kept; the oldest go first",
     .min = 1,
     .max = 10'000},
    {.name = "total_mb",
     .kind = Kind::integer,
     .fallback = "1024",
     .help = "and so much of them",
     .min = 1,
     .max = 1 << 20},
    {.name = "bundle_mb",
     .kind = Kind::integer,
     .fallback = "64",
     .help = "the largest bundle; what does not fit is named in it",
     .min = 1,
     .max = 1 << 10},
};
constexpr Key ring_keys[] = {
    {.name = "market_slots",
     .kind = Kind::integer,
     .fallback = "524288",
     .help = "slots of 128 bytes of each market ring",
     .min = 8192,
     .max = 1 << 26,
     .power_of_two = true},
    {.name = "log_slots",
     .kind = Kind::integer,
     .fallback = "4096",
     .help = "slots of 256 bytes of each log ring",
     .min = 256,
     .max = 1 << 24,
     .power_of_two = true},
    {.name = "trace_slots",
     .kind = Kind::integer,
     .fallback = "65536",
     .help = "slots of 64 bytes of each trace ring",
     .min = 256,
     .max = 1 << 26,
     .power_of_two = true},
};
constexpr Key trace_keys[] = {
    {.name = "sample",
     .kind = Kind::integer,
     .fallback = "1024",
     .help = "1 in so many pieces of work leaves trace hops; 1 for all, 0 for none",
     .min = 0,
     .max = 1'000'000'000},
};
constexpr Key breaker_keys[] = {
    {.name = "failures",
     .kind = Kind::integer,
     .fallback = "5",
     .help = "so many within the window open a breaker; 0 turns this rule off",
     .min = 0,
     .max = 32},
    {.name = "window_ms",
     .kind = Kind::integer,
     .fallback = "60000",
     .help = "what counts as recent",
     .min = 100,
     .max = 86'400'000},
    {.name = "rate_percent",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "this share of failures in the window opens it as well; 0 turns this rule off",
     .min = 0,
     .max = 100},
    {.name = "calls_min",
     .kind = Kind::integer,
     .fallback = "20",
     .help = "calls in the window before their rate counts",
     .min = 1,
     .max = 1'000'000},
    {.name = "open_ms",
     .kind = Kind::integer,
     .fallback = "60000",
     .help = "how long it stays open at first; doubles with each trip in a row",
     .min = 1,
     .max = 86'400'000},
    {.name = "open_max_ms",
     .kind = Kind::integer,
     .fallback = "900000",
     .help = "the longest",
     .min = 1,
     .max = 86'400'000,
     .not_below = "open_ms"},
    {.name = "jitter_percent",
     .kind = Kind::integer,
     .fallback = "20",
     .help = "random share of each open time",
     .min = 0,
     .max = 100},
    {.name = "healthy_ms",
     .kind = Kind::integer,
     .fallback = "600000",
     .help = "closed for so long takes one doubling back",
     .min = 1,
     .max = 86'400'000},
    {.name = "probes",
     .kind = Kind::integer,
     .fallback = "1",
     .help = "calls let through when half-open; all must succeed",
     .min = 1,
     .max = 8},
    {.name = "probe_lease_ms",
     .kind = Kind::integer,
     .fallback = "30000",
     .help = "a probe that has not ended by then is given up",
     .min = 1,
     .max = 86'400'000},
};
constexpr settings::Section sections[] = {{"instance", instance_keys},
                                          {"supervisor", supervisor_keys},
                                          {"supervisor.restart", restart_keys},
                                          {"supervisor.logger", worker_keys},
                                          {"supervisor.storage", worker_keys},
                                          {"supervisor.communication", worker_keys},
                                          {"supervisor.binance", worker_keys},
                                          {"postmortem", post_mortem_keys},
                                          {"rings", ring_keys},
                                          {"trace", trace_keys},
                                          {"breaker", breaker_keys}};

}  // namespace

std::span<const settings::Section> config_sections() { return sections; }

std::span<const settings::Key> breaker_rules() { return breaker_keys; }

/// Sections of the same keys are named together and described once.
std::string describe_config() {
    std::string text;
    const auto* previous = sections[0].keys.data();
    for (size_t i = 0; i < std::size(sections); ++i) {
        const auto& section = sections[i];
        const bool same_next = i + 1 < std::size(sections) && sections[i + 1].keys.data() == section.keys.data();
        if (section.keys.data() != previous || i == 0) text += "\n";
        previous = section.keys.data();
        text += same_next ? fmt::format("[{}]\n", section.name) : settings::describe(section);
    }
    return text;
}

}  // namespace of::supervisor
