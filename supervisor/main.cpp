// ofsupervisor: starts, watches, restarts and stops the workers of one instance.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <new>

#include <CLI/CLI.hpp>

#include "proto/text.hpp"
#include "supervisor/announce.hpp"
#include "supervisor/config_sections.hpp"
#include "supervisor/config_views.hpp"
#include "supervisor/layouts.hpp"
#include "supervisor/supervisor.hpp"

namespace {

using namespace of;
using namespace of::supervisor;

constexpr const char* footer = R"(Examples:
  ofsupervisor run --config orderflow.toml     run in the foreground until Ctrl-C, SIGTERM or `ofctl stop`
  ofsupervisor check --config orderflow.toml   print every error of the file, each worker's part included
  ofsupervisor schedule --config orderflow.toml  print when dead workers would be started again

Exit codes: 0 stopped in order, 1 failed, 2 bad configuration or command line, 9 layout mismatch,
10 no resources (shared memory, port, directory, worker program, or the instance runs already),
11 the control page broke while it ran: start it again.)";

int exit_code_of(const Error& error) {
    const bool mismatch = error.kind == ErrorKind::mismatch || error.kind == ErrorKind::corrupt;
    if (error.kind == ErrorKind::failed) return code(ExitCode::failed);
    if (error.kind == ErrorKind::invalid) return code(ExitCode::usage);
    return code(mismatch ? ExitCode::mismatch : ExitCode::no_resources);
}

int refuse(const Error& error) {
    announce("{}", error.message);
    return exit_code_of(error);
}

void print_json(const std::string& path, std::span<const settings::Problem> problems) {
    fmt::print("{{\"version\":1,\"kind\":\"config check\",\"file\":{},\"valid\":{},\"problems\":[", json_text(path),
               problems.empty());
    for (size_t i = 0; i < problems.size(); ++i) {
        fmt::print("{}{{\"line\":{},\"column\":{},\"message\":{}}}", i == 0 ? "" : ",", problems[i].line,
                   problems[i].column, json_text(problems[i].message));
    }
    fmt::print("]}}\n");
}

struct Options {
    std::string path;
    int text = -1;      ///< descriptor of the text to take for the file's
    int handover = -1;  ///< descriptor of what the program before this one has left
    bool json = false;
};

int check(const Options& options) {
    const auto checked = read_config(options.path, options.text);
    const auto problems = check_whole_file(checked, options.text);
    if (!problems) return refuse(problems.error());
    if (options.json) {
        print_json(checked.config.path, *problems);
    } else if (problems->empty()) {
        if (options.text < 0) fmt::print("{}: valid\n", options.path);
    } else {
        fmt::print("{}", settings::render(options.path, *problems));
    }
    return code(problems->empty() ? ExitCode::ok : ExitCode::usage);
}

/// For another version of this program that wants to become this one.
int layouts(const Options& options) {
    if (const int wrong = options.path.empty() ? 0 : check(options); wrong != 0) return wrong;
    fmt::print("{}", layouts_text());
    return code(ExitCode::ok);
}

std::string delay_text(const ScheduleRow& row) {
    const auto seconds = [](int64_t ns) { return fmt::format("{:.3f} s", static_cast<double>(ns) / 1e9); };
    if (row.earliest_ns == row.latest_ns) return row.latest_ns == 0 ? "at once" : seconds(row.latest_ns);
    return seconds(row.earliest_ns) + " to " + seconds(row.latest_ns);
}

void print_schedule_json(std::string_view worker, std::span<const ScheduleRow> rows, bool first) {
    fmt::print("{}{{\"worker\":\"{}\",\"schedule\":[", first ? "" : ",", worker);
    for (size_t i = 0; i < rows.size(); ++i)
        fmt::print("{}{{\"failure\":{},\"delay_min_ms\":{},\"delay_max_ms\":{},\"parked\":{}}}", i == 0 ? "" : ",",
                   rows[i].failure, rows[i].earliest_ns / ns_per_ms, rows[i].latest_ns / ns_per_ms, rows[i].parked);
    fmt::print("]}}");
}

int schedule(const Options& options) {
    const auto checked = read_config(options.path);
    if (!checked.problems.empty()) {
        fmt::print(stderr, "{}", settings::render(options.path, checked.problems));
        return code(ExitCode::usage);
    }
    bool first = true;
    if (options.json) fmt::print("{{\"version\":1,\"kind\":\"schedules\",\"schedules\":[");
    for (const auto& [kind, worker] : checked.config.workers) {
        const auto rows = schedule_of(worker.member.restart);
        if (options.json) print_schedule_json(name_of(kind), rows, first);
        if (!options.json) fmt::print("{}{}\n", first ? "" : "\n", name_of(kind));
        for (const auto& row : rows) {
            if (options.json) break;
            fmt::print("  {:<14} {}{}\n", fmt::format("failure {}", row.failure),
                       row.parked ? "parked; a probe every " : "restart ", delay_text(row));
        }
        if (!options.json)
            fmt::print("  forgotten after {} s of health\n", worker.member.restart.healthy_after_ns / 1'000'000'000);
        first = false;
    }
    if (options.json) fmt::print("]}}\n");
    return code(ExitCode::ok);
}

/// Throws what the machine refuses while all is made ready, and libraries say by an exception.
int run_instance(const Options& options) {
    // From here on a signal waits until the supervisor can stop in order what has been made.
    const sigset_t waiting = Supervisor::loop_signals();
    sigprocmask(SIG_BLOCK, &waiting, nullptr);
    std::vector<settings::Problem> problems;
    auto beginning = options.handover < 0 ? begin(options.path, problems) : go_on(options.path, options.handover);
    if (!problems.empty()) {
        put_on_stderr(settings::render(options.path, problems));
        return code(ExitCode::usage);
    }
    if (!beginning) return refuse(beginning.error());
    return Supervisor(std::move(*beginning)).run();
}

int run(const Options& options) {
    try {
        return run_instance(options);
    } catch (const std::exception& error) {
        return refuse({ErrorKind::failed, error.what()});
    }
}

using Command = std::function<int()>;

Command ended(int exit_code) {
    return [exit_code] { return exit_code; };
}

/// What the words ask for. The tables of options are gone when it begins: a supervisor runs for months.
Command command_of(int argc, char** argv) {
    CLI::App app("Runs the workers of one OrderFlow instance.", "ofsupervisor");
    app.footer(footer);
    app.set_version_flag("--version", OF_VERSION);
    app.require_subcommand(0, 1);  // an unknown option is told before a missing verb
    Options options;
    auto* run_verb = app.add_subcommand("run", "Run an instance in the foreground");
    run_verb->footer([] { return "Sections of the file that the supervisor owns:\n" + describe_config(); });
    run_verb->add_option("--handover", options.handover)->group("");  // by `ofctl upgrade`
    auto* check_verb = app.add_subcommand("check", "Check a configuration file");
    auto* schedule_verb = app.add_subcommand("schedule", "Print when dead workers would be started again");
    ViewOptions view;
    const std::pair<CLI::App*, int (*)(const ViewOptions&)> views[] = {
        {app.add_subcommand("show", "Print what a configuration file means, and where each value comes from"),
         show_config},
        {app.add_subcommand("diff", "Print what a reload of the file would change, and restart"), diff_config},
        {app.add_subcommand("schema", "Print every key: type, default, bounds, meaning"), config_schema},
        {app.add_subcommand("explain", "Print one key, or the keys of a section"), explain_config}};
    for (const auto& [verb, look] : views) {
        const bool of_file = look == show_config || look == diff_config;
        verb->add_option("--config", view.path, "Configuration file (TOML)")->required(of_file)->type_name("FILE");
        verb->add_option("--config-fd", view.text)->group("")->required(look == diff_config);  // by ofctl
        verb->add_flag("--json", view.json, "Print one JSON object");
        if (look == show_config) verb->add_flag("--only-set", view.only_set, "Without defaults");
        if (look == explain_config) verb->add_option("KEY", view.key, "SECTION.KEY, KEY or SECTION")->required();
    }
    auto* layouts_verb = app.add_subcommand("layouts", "Print the layouts of shared memory that this program knows");
    for (auto* verb : {run_verb, check_verb, schedule_verb})
        verb->add_option("--config", options.path, "Configuration file (TOML)")->required()->type_name("FILE");
    layouts_verb->add_option("--config", options.path, "Check this file first")->type_name("FILE");
    for (auto* verb : {check_verb, layouts_verb})
        verb->add_option("--config-fd", options.text)->group("");  // by a supervisor that reloads or upgrades
    for (auto* verb : {check_verb, schedule_verb}) verb->add_flag("--json", options.json, "Print one JSON object");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return ended(app.exit(error) == 0 ? code(ExitCode::ok) : code(ExitCode::usage));
    }
    if (app.get_subcommands().empty()) {
        fmt::print(stderr, "ofsupervisor: say what to do: run, check or schedule (ofsupervisor --help explains)\n");
        return ended(code(ExitCode::usage));
    }
    for (const auto& [verb, look] : views)
        if (verb->parsed()) return [look = look, view] { return look(view); };
    if (check_verb->parsed()) return [options] { return check(options); };
    if (schedule_verb->parsed()) return [options] { return schedule(options); };
    if (layouts_verb->parsed()) return [options] { return layouts(options); };
    return [options] { return run(options); };
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGCHLD, SIG_DFL);  // whoever has it ignored, as some that start us do, never learns how a child ended
    std::set_new_handler([] {       // workers go on or drain, as at any death of the supervisor
        constexpr std::string_view words = "ofsupervisor: out of memory\n";
        [[maybe_unused]] const auto bytes = write(STDERR_FILENO, words.data(), words.size());
        _exit(code(ExitCode::failed));
    });
    on_assert = [](const char* condition, const char* file, int line) {
        announce("{}:{}: this must hold: {}", file, line, condition);
    };
    return command_of(argc, argv)();
}
