// ofctl: looks at an instance, and asks its supervisor for what is to change.
#include <csignal>

#include <CLI/CLI.hpp>

#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {
namespace {

constexpr const char* footer = R"(Examples:
  ofctl status                              the workers, at a glance
  ofctl logs -f --level warn                warnings and errors as they come
  ofctl restart storage --reason "new disk"
  ofctl config reload                       the changed file, or the reasons why not
  ofctl errors                              what went wrong, each thing once
  ofctl metrics --worker storage            what it counts and measures
  ofctl limits                              what the exchange still allows
  ofctl doctor --fix-hints                  what of this host stands in the way
  ofctl shm ls                              every segment
  ofctl shm tail market.0 -f --symbol BTCUSDT --type trade
  ofctl shm verify                          whether every promise of the segments is kept
  ofctl breaker open binance/rest --for 5m --reason "their maintenance"
  ofctl trace binance-3-00000a1b2c          the way of one message, hop by hop
  ofctl --from /var/tmp/copied shm dump control

All but start, stop, restart, pause, resume, kill, upgrade, config reload, changes
of breakers and shm gc --yes only read, and work on an instance whose supervisor
is stopped or dead.
Exit codes: 0 well, 1 failed, 2 usage, 3 degraded, 4 not found, 5 denied,
6 timed out, 7 no supervisor, 8 corrupt segment, 9 layout or version mismatch.)";

using Verb = int (*)(const Options&);

CLI::App* add_verb(CLI::App& parent, Verb& chosen, const char* name, const char* help, Verb verb) {
    auto* added = parent.add_subcommand(name, help);
    added->fallthrough();
    added->callback([&chosen, verb] { chosen = verb; });
    return added;
}

void add_reading_verbs(CLI::App& app, Verb& chosen, Options& options) {
    auto* status_verb = add_verb(app, chosen, "status", "The workers: state, pid, restarts, heartbeat, lag", status);
    status_verb->add_option("WORKER", options.names, "Only these");
    status_verb->add_flag("--wide", options.wide, "Duty cycle and resources as well");
    status_verb->add_flag("--schedule", options.schedule, "When a worker that fails again and again is started anew");
    status_verb->add_option("-w,--watch", options.watch_s, "Print again each SEC seconds")
        ->check(CLI::Range(1, 86'400));
    status_verb->add_option("--count", options.count, "Stop watching after N tables");
    add_verb(app, chosen, "health", "One line: healthy, degraded or down, and why", health);
    auto* logs_verb = add_verb(app, chosen, "logs", "Log records still in the rings, merged by time", logs);
    logs_verb->add_flag("-f,--follow", options.follow, "Go on with new ones");
    logs_verb->add_option("-n,--lines", options.lines, "Only the newest N");
    logs_verb->add_option("--level", options.level, "Only from this level on")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
    logs_verb->add_option("--worker", options.worker, "Only of this process");
    logs_verb->add_option("--since", options.since_s, "Only of the last SEC seconds");
    logs_verb->add_option("--grep", options.grep, "Only with this text");
    auto* metrics_verb =
        add_verb(app, chosen, "metrics", "What every process counts and measures, with rates", metrics);
    metrics_verb->add_option("NAME", options.names, "Only metrics with this in their name")->expected(0, 1);
    metrics_verb->add_option("--worker", options.worker, "Only of this process");
    metrics_verb->add_option("--interval", options.interval_s, "Rates over SEC seconds (1); 0 prints at once without")
        ->check(CLI::Range(0.0, 3600.0));
    metrics_verb->add_flag("--prom", options.prometheus, "Prometheus text format");
    auto* errors_verb =
        add_verb(app, chosen, "errors", "Each different warning and error once, the newest first", errors);
    errors_verb->add_option("--worker", options.worker, "Only of this process");
    errors_verb->add_option("--since", options.since_s, "Only those seen in the last SEC seconds");
    add_verb(app, chosen, "limits", "What of the exchange's request limits is spent on this host", limits);
    auto* doctor_verb = add_verb(app, chosen, "doctor", "What of this host or instance stands in the way", doctor);
    doctor_verb->add_flag("--fix-hints", options.fix_hints, "With the command that mends it");
    doctor_verb->footer(
        "Reads only, and needs no instance: what is asked of one is then left open. Ends\n"
        "with 3 when a check says FAIL; WARN is worse than it could be, and no more.\n"
        "Example: ofctl doctor --fix-hints");
    auto* trace_verb = add_verb(app, chosen, "trace", "The hops of a correlation ID", trace);
    trace_verb->add_option("ID", options.names, "As printed, or the number in the store's column")
        ->required()
        ->expected(1);
    trace_verb->add_option("--format", options.format, "perfetto: Chrome trace JSON, for ui.perfetto.dev")
        ->check(CLI::IsMember({"perfetto"}));
}

void add_checking_shm_verbs(CLI::App& shm_verb, Verb& chosen, Options& options) {
    auto* verify_verb = add_verb(shm_verb, chosen, "verify", "Check everything that the segments promise", shm_verify);
    verify_verb->add_option("SEGMENT", options.names, "Only these; all of the instance without");
    verify_verb->footer(
        "Checks header, schema, sizes, commit words, cursors, conservation, and that the\n"
        "segments are those of the wiring. Works beside living writers, on dead instances\n"
        "and on copies (--from DIR). Ends with 8 when something is corrupt, missing or\n"
        "surplus, and with 9 when a segment is sound but of another layout.\n"
        "Example: ofctl shm verify && echo all is well");
    auto* hz_verb =
        add_verb(shm_verb, chosen, "hz", "How fast each ring moves, and how far its readers are behind", shm_hz);
    hz_verb->add_option("SEGMENT", options.names, "Only these rings");
    hz_verb->add_option("--interval", options.interval_s, "Measure over SEC seconds (1)")
        ->check(CLI::Range(0.01, 3600.0));
    hz_verb->add_option("--count", options.count, "Stop after N intervals (1)");
    hz_verb->add_flag("-f,--follow", options.follow, "Go on for ever");
    hz_verb->footer(
        "MIN and MAX are over all intervals so far; BYTES/S counts whole slots; LOST/S\n"
        "counts messages that a reader missed because they were overwritten. On dead or\n"
        "copied segments it says that nothing moves.\n"
        "Example: ofctl shm hz market.0 --interval 5 -f");
    auto* gc_verb = add_verb(shm_verb, chosen, "gc", "Find, and remove, what dead instances left behind", shm_gc);
    gc_verb->add_flag("--yes", options.yes, "Remove it; without, it is only listed");
    gc_verb->footer(
        "Looks at all instances, or at one (--instance). Never removes a segment of an\n"
        "instance of which any process lives, of another user, or a file that is no\n"
        "segment. Run it where the instances run: processes of another container are not\n"
        "to be seen.\n"
        "Example: ofctl shm gc, then ofctl shm gc --yes");
}

void add_shm_verbs(CLI::App& app, Verb& chosen, Options& options) {
    auto* shm_verb = app.add_subcommand("shm", "Look into the shared-memory segments");
    shm_verb->require_subcommand(1);
    shm_verb->fallthrough();
    add_verb(*shm_verb, chosen, "ls", "All segments", shm_ls);
    auto* dump_verb = add_verb(*shm_verb, chosen, "dump", "Header and content of a segment", shm_dump);
    auto* tail_verb =
        add_verb(*shm_verb, chosen, "tail", "The newest messages of a ring, without taking part", shm_tail);
    for (auto* verb : {dump_verb, tail_verb}) {
        verb->add_option("SEGMENT", options.names, "Its channel, such as market.0")->required()->expected(1);
        verb->add_option("-n,--last", options.lines, "The newest N messages (16)");
        verb->add_flag("--hex", options.hex, "Raw bytes as well");
        verb->add_option("--symbol", options.symbol, "Only of this symbol");
        verb->add_option("--type", options.type, "Only of this type, such as trade");
    }
    dump_verb->add_option("--slots", options.slots, "Positions A:B instead of the newest");
    tail_verb->add_flag("-f,--follow", options.follow, "Go on with new ones");
    add_checking_shm_verbs(*shm_verb, chosen, options);
}

void add_waiting(CLI::App& verb, Options& options) {
    verb.add_option("--reason", options.reason, "For the log");
    verb.add_flag("!--no-wait", options.wait, "Do not wait for the effect");
    verb.add_option("--timeout", options.timeout_s, "Wait at most SEC seconds (30)")->check(CLI::Range(1, 86'400));
}

void add_worker_verbs(CLI::App& app, Verb& chosen, Options& options) {
    const struct {
        const char* name;
        const char* help;
        Verb verb;
    } verbs[] = {
        {"start", "Start workers that were stopped, or wait for a restart, and wait until they run", start},
        {"stop", "Drain and stop workers, without names the whole instance, and wait", stop},
        {"restart", "Drain and restart workers in order, and wait until they run", restart},
        {"pause", "Freeze workers: nothing is taken for hung, rings fill", pause},
        {"resume", "Let paused workers go on", resume},
    };
    for (const auto& [name, help, verb] : verbs) {
        auto* added = add_verb(app, chosen, name, help, verb);
        auto* which = added->add_option("WORKER", options.names, "Which, in this order");
        auto* all = added->add_flag("--all", options.all, "All of them")->excludes(which);
        if (verb != stop) added->require_option(1, 0);
        which->excludes(all);
        add_waiting(*added, options);
    }
    auto* kill_verb = add_verb(app, chosen, "kill", "Send workers a signal; the supervisor sees to the rest", kill);
    kill_verb->add_option("WORKER", options.names, "Which")->required();
    kill_verb->add_option("--signal", options.signal, "Such as TERM or 15 (KILL)");
    kill_verb->add_option("--reason", options.reason, "For the log");
}

void add_mutating_verbs(CLI::App& app, Verb& chosen, Options& options) {
    add_worker_verbs(app, chosen, options);
    auto* upgrade_verb =
        add_verb(app, chosen, "upgrade", "Make the supervisor another program; its workers do not notice", upgrade);
    upgrade_verb->add_option("PROGRAM", options.names, "Which (where the running one was installed)")->expected(0, 1);
    upgrade_verb->add_option("--timeout", options.timeout_s, "Wait at most SEC seconds (30)")
        ->check(CLI::Range(1, 86'400));
    upgrade_verb->footer(
        "The new program is asked first: it must know the same layouts of shared memory,\n"
        "and accept the configuration in force; else nothing happens and this ends with 9.\n"
        "Workers become the new version when they are restarted.");
    auto* breaker_verb = add_verb(app, chosen, "breaker", "The circuit breakers; trip, reset or force one", breaker);
    breaker_verb->add_option("ACTION", options.action, "ls (also without), show, trip, reset, open, close")
        ->check(CLI::IsMember({"ls", "show", "trip", "reset", "open", "close"}));
    breaker_verb->add_option("BREAKER", options.names, "PROCESS/NAME, such as binance/rest")->expected(0, 1);
    breaker_verb->add_option("--for", options.span, "open, close: only for so long, such as 30s or 5m");
    breaker_verb->add_option("--reason", options.reason, "For the log and the page");
    breaker_verb->add_option("--timeout", options.timeout_s, "Wait at most SEC seconds for the effect (30)")
        ->check(CLI::Range(1, 86'400));
    auto* config_verb = app.add_subcommand("config", "The configuration file");
    config_verb->require_subcommand(1);
    config_verb->fallthrough();
    auto* check_verb =
        add_verb(*config_verb, chosen, "check", "Print every error of a configuration file", config_check);
    check_verb->add_option("FILE", options.names, "Instead of the running instance's file")->expected(0, 1);
    auto* reload_verb = add_verb(*config_verb, chosen, "reload",
                                 "Take the changed file over: as a whole, or not at all", config_reload);
    reload_verb->add_option("--timeout", options.timeout_s, "Wait at most SEC seconds (30)")
        ->check(CLI::Range(1, 86'400));
    reload_verb->footer(
        "The file is checked first. Workers whose sections changed are restarted one after\n"
        "the other; if one does not come to run, all go back to the old text. What changed\n"
        "for each worker is printed. [instance] and [rings] need a stop and a start.");
}

int run(int argc, char** argv) {
    Options options;
    Verb chosen = nullptr;
    std::string colour = "auto";
    bool no_headers = false;
    CLI::App app("Looks at an OrderFlow instance, and commands it.", "ofctl");
    app.footer(footer);
    app.set_version_flag("--version", OF_VERSION);
    app.require_subcommand(0, 1);  // an unknown option is told before a missing verb
    app.add_option("--instance", options.source.instance, "Which instance ($ORDERFLOW_INSTANCE, else the only one)");
    app.add_option("--from", options.source.folder, "Segments copied to DIR instead of /dev/shm")->type_name("DIR");
    app.add_flag("--json", options.json, "For programs");
    app.add_flag("--no-headers", no_headers, "Tables without their first line");
    app.add_option("--color", colour, "auto, always or never")->check(CLI::IsMember({"auto", "always", "never"}));
    add_reading_verbs(app, chosen, options);
    add_shm_verbs(app, chosen, options);
    add_mutating_verbs(app, chosen, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? code(ExitCode::ok) : code(ExitCode::usage);
    }
    if (chosen == nullptr) {
        std::fputs("ofctl: say what to do, such as status (ofctl --help explains)\n", stderr);
        return code(ExitCode::usage);
    }
    set_colour(colour);
    options.headers = !no_headers;
    const bool file_given = chosen == config_check && !options.names.empty();
    const bool all_instances = chosen == shm_gc;
    if (!file_given && !all_instances) {
        auto instance = choose_instance(options.source.instance, options.source.folder);
        if (!instance) return refuse(options, instance.error());
        options.source.instance = *instance;
    }
    const int result = chosen(options);
    flush_output();
    return result;
}

}  // namespace

}  // namespace of::ofctl

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away ends us quietly, see put()
    return of::ofctl::run(argc, argv);
}
