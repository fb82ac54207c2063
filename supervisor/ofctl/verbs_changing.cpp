// The table's verbs that ask the supervisor for a change.
#include "supervisor/ofctl/verb_table.hpp"

namespace of::ofctl {
namespace {

constexpr OptionRow which{
    .names = "WORKER", .help = "Which, in this order", .target = &Options::names, .completes = Names::worker};
constexpr OptionRow all{.names = "--all", .help = "All of them", .target = &Options::all};
constexpr uint32_t waiting = with_reason | with_no_wait | with_timeout;

constexpr Verb verbs_changing[] = {
    {.name = "start",
     .help = "Start workers that were stopped, or wait for a restart",
     .text = "Also starts a worker that is parked or waits for its restart, at once. Waits until each runs.",
     .run = start,
     .kind = Kind::changes,
     .shared = waiting,
     .workers = Workers::named_or_all,
     .options = {which, all},
     .ends = {ExitCode::not_found, ExitCode::timed_out},
     .examples = {{"ofctl start storage"}, {"ofctl start --all", "from the logger to the feeds"}}},
    {.name = "stop",
     .help = "Drain and stop workers, without names the whole instance",
     .text = "A worker drains, then ends, and stays stopped until it is started; the supervisor goes on. Says how many "
             "messages are left "
             "for it. Without names the instance is stopped in drain order: binance, communication, storage, logger. "
             "Waits until "
             "it is done.",
     .run = stop,
     .kind = Kind::changes,
     .shared = waiting,
     .workers = Workers::named_all_or_none,
     .options = {which, all},
     .ends = {ExitCode::degraded, ExitCode::not_found, ExitCode::timed_out},
     .examples = {{"ofctl stop storage --reason \"new disk\""}, {"ofctl stop", "the instance"}}},
    {.name = "drain",
     .help = "Stop workers when they have handled what they can",
     .text =
         "In the direction in which messages flow, whatever the order of the names: a worker takes in nothing more, "
         "handles and flushes what it has, and ends. Prints how many messages are left in its rings: those that others "
         "still write to it. With --then restart it is started again when all are drained.",
     .run = drain,
     .kind = Kind::changes,
     .shared = waiting,
     .workers = Workers::named_or_all,
     .options = {which,
                 all,
                 {.names = "--then",
                  .help = "What follows (stop)",
                  .target = &Options::then,
                  .value = "WHAT",
                  .one_of = {"stop", "restart"}}},
     .ends = {ExitCode::degraded, ExitCode::not_found, ExitCode::timed_out},
     .examples = {{"ofctl drain --all", "the feeds first, the logger last"},
                  {"ofctl drain binance --then restart --reason \"new symbols\""}}},
    {.name = "restart",
     .help = "Drain and restart workers in order",
     .text = "Each drains, then starts anew, one after another; waits until each runs.",
     .run = restart,
     .kind = Kind::changes,
     .shared = waiting,
     .workers = Workers::named_or_all,
     .options = {which, all},
     .ends = {ExitCode::not_found, ExitCode::timed_out},
     .examples = {{"ofctl restart storage --reason \"new disk\""}, {"ofctl restart --all", "after an upgrade"}}},
    {.name = "pause",
     .help = "Freeze workers: nothing is taken for hung, rings fill",
     .text = "SIGSTOP, and the supervisor knows: no heartbeat is expected until ofctl resume.",
     .run = pause,
     .kind = Kind::changes,
     .shared = waiting,
     .workers = Workers::named_or_all,
     .options = {which, all},
     .ends = {ExitCode::degraded, ExitCode::not_found, ExitCode::timed_out},
     .examples = {{"ofctl pause storage", "let its ring fill"}}},
    {.name = "resume",
     .help = "Let paused workers go on",
     .text = "SIGCONT; the worker goes on where it was.",
     .run = resume,
     .kind = Kind::changes,
     .shared = waiting,
     .workers = Workers::named_or_all,
     .options = {which, all},
     .ends = {ExitCode::degraded, ExitCode::not_found, ExitCode::timed_out},
     .examples = {{"ofctl resume --all"}}},
    {.name = "kill",
     .help = "Send workers a signal; the supervisor sees to the rest",
     .text = "The signal goes to the worker's process; what follows is what follows any death. --all: those that run, "
             "the feeds first; the supervisor is none of them.",
     .run = kill,
     .kind = Kind::changes,
     .shared = with_reason,
     .workers = Workers::named_or_all,
     .options =
         {which,
          all,
          {.names = "--signal", .help = "Such as TERM or 15 (KILL)", .target = &Options::signal, .value = "SIGNAL"}},
     .ends = {ExitCode::degraded, ExitCode::not_found},
     .examples = {{"ofctl kill binance --signal ABRT", "for a core file"},
                  {"ofctl kill --all --reason \"a drill\"", "how long until all run again?"}}},
    {.name = "upgrade",
     .help = "Make the supervisor another program; its workers do not notice",
     .text = "The new program is asked first: it must know the same layouts of shared memory, and accept the "
             "configuration in force; else nothing happens and this ends with 9. Workers become the new version when "
             "they are "
             "restarted.\n\n"
             "With --dry-run the program is asked as well, and what it answered is all that comes of it: 0 where the "
             "upgrade would be done, 9 where its layouts differ.",
     .run = upgrade,
     .kind = Kind::changes,
     .shared = with_timeout,
     .options = {{.names = "PROGRAM",
                  .help = "Which (where the running one was installed)",
                  .target = &Options::names,
                  .completes = Names::file,
                  .count = Count::at_most_one}},
     .ends = {ExitCode::timed_out},
     .examples = {{"ofctl upgrade && ofctl restart --all", "everything becomes the new version"},
                  {"ofctl upgrade /opt/new/bin/ofsupervisor --dry-run", "whether its layouts fit"}}},
    {.name = "breaker",
     .help = "The circuit breakers; trip, reset or force one",
     .text = "Lists the circuit breakers, or shows one of them whole. RECENT counts the failures in a breaker's window; "
             "ERR% is their share of the calls in it that it counted while closed. A change is told to the worker "
             "through its supervisor; it is done when the page shows that this very command was obeyed.",
     .run = breaker,
     .kind = Kind::changes,
     .formats = with_json | with_name,
     .shared = with_reason | with_timeout,
     .options = {{.names = "ACTION",
                  .help = "ls (also without), show, trip, reset, open, close, or disable, which is close",
                  .target = &Options::action,
                  .one_of = {"ls", "show", "trip", "reset", "open", "close", "disable"}},
                 {.names = "BREAKER",
                  .help = "PROCESS/NAME, such as binance/rest",
                  .target = &Options::names,
                  .completes = Names::breaker,
                  .count = Count::at_most_one},
                 {.names = "--for",
                  .help = "open, close: only for so long, such as 30s or 5m",
                  .target = &Options::span,
                  .value = "SPAN"}},
     .ends = {ExitCode::not_found, ExitCode::timed_out},
     .examples = {{"ofctl breaker", "all of them"},
                  {"ofctl breaker open binance/rest --for 5m --reason \"their maintenance\""}}},
    {.name = "config check",
     .help = "Print every error of a configuration file",
     .text = "Every mistake at once, with file, line and column. Without FILE it is the running instance's.",
     .run = config_check,
     .options = {{.names = "FILE",
                  .help = "Instead of the running instance's file",
                  .target = &Options::names,
                  .completes = Names::file,
                  .count = Count::at_most_one}},
     .examples = {{"ofctl config check /etc/orderflow/orderflow.toml"}},
     .needs = Needs::instance_unless_named},
    {.name = "config reload",
     .help = "Take the changed file over: as a whole, or not at all",
     .text =
         "The file is checked first. Workers whose sections changed are restarted one after the other; if one does not "
         "come to run, all go back to the old text. What changed for each worker is printed. [instance] and [rings] "
         "need a "
         "stop and a start.\n\n"
         "With --dry-run the file is checked and held against what is in force, as config diff does: 0 where it would "
         "be taken over, 1 where it would be refused, 2 where it has mistakes.",
     .run = config_reload,
     .kind = Kind::changes,
     .shared = with_timeout,
     .ends = {ExitCode::timed_out},
     .examples = {{"ofctl config reload", "the changed file, or the reasons why not"},
                  {"ofctl config reload --dry-run", "what it would mean"}}},
};

}  // namespace

std::span<const Verb> changing_verbs() { return verbs_changing; }

}  // namespace of::ofctl
