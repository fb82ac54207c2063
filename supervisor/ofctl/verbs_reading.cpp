// The table's verbs that only read the instance as a whole.
#include "supervisor/ofctl/verb_table.hpp"

namespace of::ofctl {
namespace {

constexpr OptionRow only_process{.names = "--worker",
                                 .help = "Only of this process",
                                 .target = &Options::worker,
                                 .value = "WORKER",
                                 .completes = Names::worker};
constexpr double since_s_max = 3'000'000'000;  // a century
constexpr OptionRow since{.names = "--since",
                          .help = "Only of the last SEC seconds",
                          .target = &Options::since_s,
                          .value = "SEC",
                          .most = since_s_max};
constexpr OptionRow follow{.names = "-f,--follow", .help = "Go on with new ones", .target = &Options::follow};
constexpr OptionRow newest{.names = "-n,--lines", .help = "Only the newest N", .target = &Options::lines, .value = "N"};

constexpr Verb verbs_reading[] = {
    {.name = "status",
     .help = "The workers: state, pid, restarts, heartbeat, lag",
     .text =
         "Each worker: state, pid, time up, restarts and last exit, age of its heartbeat, messages, lag and losses. "
         "-o wide adds its worst breaker, the duty cycle (turns, the longest, overruns) "
         "and what each worker has of the machine, as read back from the kernel.\n\n"
         "LAG counts messages that a worker has still to read, over all rings it follows; LOST those that were "
         "overwritten before it read them.\n\n"
         "It works on a dead instance and on copied segments, and ends with 7 there.",
     .run = status,
     .formats = with_json | with_name | with_wide | with_prom,
     .options = {{.names = "WORKER", .help = "Only these", .target = &Options::names, .completes = Names::worker},
                 {.names = "--wide", .help = "The same as -o wide", .target = &Options::wide},
                 {.names = "--schedule",
                  .help = "When a worker that fails again and again is started anew",
                  .target = &Options::schedule},
                 {.names = "-w,--watch",
                  .help = "Print again each SEC seconds",
                  .target = &Options::watch_s,
                  .value = "SEC",
                  .least = 1,
                  .most = 86'400},
                 {.names = "--count", .help = "Stop watching after N tables", .target = &Options::count, .value = "N"}},
     .ends = {ExitCode::degraded, ExitCode::unreachable},
     .examples = {{"ofctl status", "the workers, at a glance"},
                  {"ofctl status storage -o wide -w 2", "one of them whole, every two seconds"}}},
    {.name = "health",
     .help = "One line: healthy, degraded or down, and why",
     .text =
         "Ends with 0, 3 or 7 by what it says, for a probe. --live asks only whether the supervisor lives and answers, "
         "--ready whether all workers run; without either both are asked, from shared memory alone.",
     .run = health,
     .options = {{.names = "--live", .help = "Only whether the supervisor answers", .target = &Options::live},
                 {.names = "--ready", .help = "Only whether all workers run", .target = &Options::ready},
                 {.names = "--max-age",
                  .help = "A heartbeat older than MS is a reason",
                  .target = &Options::age_max_ms,
                  .value = "MS",
                  .least = 1,
                  .most = 86'400'000},
                 {.names = "--deep",
                  .help = "The supervisor must answer, and lost messages are a reason",
                  .target = &Options::deep}},
     .ends = {ExitCode::degraded, ExitCode::unreachable},
     .examples = {{"ofctl health", "one line for people"},
                  {"ofctl health --live -q", "a liveness probe"},
                  {"ofctl health --ready --max-age 5000 -q", "a readiness probe"}}},
    {.name = "logs",
     .help = "Log records still in the rings, merged by time",
     .text = "The records of all processes that are still in the log rings, of a running, dead or copied instance. As "
             "JSON it is one "
             "object a line.",
     .run = logs,
     .options =
         {{.names = "WORKER", .help = "The same as --worker", .target = &Options::worker, .completes = Names::worker},
          follow,
          newest,
          {.names = "--level",
           .help = "Only from this level on",
           .target = &Options::level,
           .value = "LEVEL",
           .one_of = {"debug", "info", "warn", "error"}},
          only_process,
          since,
          {.names = "--grep", .help = "Only with this text", .target = &Options::grep, .value = "TEXT"},
          {.names = "-p,--previous",
           .help = "What the worker said before its newest start, or, if it is dead, before its end",
           .target = &Options::previous}},
     .examples = {{"ofctl logs -f --level warn", "warnings and errors as they come"},
                  {"ofctl logs -p storage", "the last words of the one before"}}},
    {.name = "events",
     .help = "The life of the instance: starts, deaths, commands, breakers",
     .text =
         "Of the log records still in the rings those about the life of the instance: all that the supervisor says "
         "(spawns, deaths, "
         "restarts planned, parking, hangs, reloads, upgrades, operators' commands), and what workers say of their own "
         "state and of their breakers. As JSON it is one object a line.\n\n"
         "--audit prints the supervisor's audit file instead: each command with who asked, and what came of it. It "
         "outlives logger and rings. --worker takes the commands to that worker and their answers.",
     .run = events,
     .options = {follow,
                 newest,
                 only_process,
                 since,
                 {.names = "--audit",
                  .help = "Commands and their results, from the audit file",
                  .target = &Options::audit}},
     .examples = {{"ofctl events -f", "what happens from now on"}, {"ofctl events --audit", "who asked for what"}}},
    {.name = "wait",
     .help = "Until workers are ready, stopped, restarted or drained",
     .text = "Looks at shared memory only, 50 times a second; the instance need not be there yet. Without WORKER all "
             "of them are "
             "meant. ready: running, with a supervisor. restarted: running as a later incarnation than when the "
             "waiting began. "
             "drained: nothing left to read. breaker=binance/rest:closed: that breaker's state.",
     .run = wait,
     .shared = with_timeout,
     .options = {{.names = "WORKER", .help = "Only these", .target = &Options::names, .completes = Names::worker},
                 {.names = "--for",
                  .help = "ready, stopped, restarted, drained, or breaker=BREAKER:STATE (ready)",
                  .target = &Options::wait_for,
                  .value = "WHAT"}},
     .ends = {ExitCode::timed_out},
     .examples = {{"ofctl wait --for=ready --timeout 10", "in a start script"},
                  {"ofctl wait --for=breaker=binance/rest:closed"}}},
    {.name = "metrics",
     .help = "What every process counts and measures, with rates",
     .text = "Values, rates and quantiles of every process, and how many messages the batches saved. A dead or copied "
             "instance has no rates.",
     .run = metrics,
     .formats = with_json | with_prom,
     .options = {{.names = "NAME",
                  .help = "Only metrics with this in their name",
                  .target = &Options::names,
                  .count = Count::at_most_one},
                 only_process,
                 {.names = "--interval",
                  .help = "Rates over SEC seconds (1); 0 prints at once without",
                  .target = &Options::interval_s,
                  .value = "SEC",
                  .most = 3600},
                 {.names = "--prom", .help = "The same as -o prom", .target = &Options::prometheus}},
     .examples = {{"ofctl metrics --worker storage", "what it counts and measures"},
                  {"ofctl metrics -o prom", "as Prometheus reads it"}}},
    {.name = "errors",
     .help = "Each different warning and error once, the newest first",
     .text =
         "Each different warning and error of every process once, with its count, and when it was first and last seen.",
     .run = errors,
     .formats = with_json | with_name,
     .options = {only_process,
                 {.names = "--since",
                  .help = "Only those seen in the last SEC seconds",
                  .target = &Options::since_s,
                  .value = "SEC",
                  .most = since_s_max}},
     .examples = {{"ofctl errors", "what went wrong, each thing once"}}},
    {.name = "limits",
     .help = "What of the exchange's request limits is spent on this host",
     .text =
         "What is spent of the exchange's request limits, by all instances that share the page; whether and for how "
         "long the exchange has shut us out.",
     .run = limits,
     .formats = with_json | with_name,
     .examples = {{"ofctl limits", "what the exchange still allows"}}},
    {.name = "trace",
     .help = "The hops of a correlation ID",
     .text =
         "The hops of a correlation ID over all processes, its log records, and the message itself; or the hops as a "
         "file for ui.perfetto.dev.",
     .run = trace,
     .options = {{.names = "ID",
                  .help = "As printed, or the number in the store's column",
                  .target = &Options::names,
                  .count = Count::one},
                 {.names = "--format",
                  .help = "perfetto: Chrome trace JSON, for ui.perfetto.dev",
                  .target = &Options::trace_format,
                  .value = "FORMAT",
                  .one_of = {"perfetto"}}},
     .examples = {{"ofctl trace binance-3-00000a1b2c", "the way of one message, hop by hop"}}},
};

}  // namespace

std::span<const Verb> reading_verbs() { return verbs_reading; }

}  // namespace of::ofctl
