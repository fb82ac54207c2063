// ofsupervisor: starts, watches, restarts and stops the workers of one instance.
#include <fmt/format.h>

#include <csignal>

#include <CLI/CLI.hpp>

#include "proto/text.hpp"
#include "supervisor/supervisor.hpp"

namespace {

using namespace of;
using namespace of::supervisor;

constexpr const char* footer = R"(Examples:
  ofsupervisor run --config orderflow.toml     run in the foreground until Ctrl-C, SIGTERM or `ofctl stop`
  ofsupervisor check --config orderflow.toml   print every error of the file, each worker's part included

Exit codes: 0 stopped in order, 1 failed, 2 bad configuration or command line, 9 layout mismatch,
10 no resources (shared memory, port, directory, worker program, or the instance runs already).)";

int exit_code_of(const Error& error) {
    const bool mismatch = error.kind == ErrorKind::mismatch || error.kind == ErrorKind::corrupt;
    if (error.kind == ErrorKind::failed) return code(ExitCode::failed);
    if (error.kind == ErrorKind::invalid) return code(ExitCode::usage);
    return code(mismatch ? ExitCode::mismatch : ExitCode::no_resources);
}

int refuse(const Error& error) {
    fmt::print(stderr, "ofsupervisor: {}\n", error.message);
    return exit_code_of(error);
}

void print_json(const std::string& path, std::span<const settings::Problem> problems) {
    fmt::print("{{\"file\":{},\"valid\":{},\"problems\":[", json_text(path), problems.empty());
    for (size_t i = 0; i < problems.size(); ++i) {
        fmt::print("{}{{\"line\":{},\"column\":{},\"message\":{}}}", i == 0 ? "" : ",", problems[i].line,
                   problems[i].column, json_text(problems[i].message));
    }
    fmt::print("]}}\n");
}

int check(const std::string& path, bool json) {
    const auto checked = read_config(path);
    const auto problems = check_whole_file(checked);
    if (!problems) return refuse(problems.error());
    if (json) {
        print_json(checked.config.path, *problems);
    } else if (problems->empty()) {
        fmt::print("{}: valid\n", path);
    } else {
        fmt::print("{}", settings::render(path, *problems));
    }
    return code(problems->empty() ? ExitCode::ok : ExitCode::usage);
}

int run(const std::string& path) {
    const auto checked = read_config(path);
    const auto problems = check_whole_file(checked);
    if (!problems) return refuse(problems.error());
    if (!problems->empty()) {
        fmt::print(stderr, "{}", settings::render(path, *problems));
        return code(ExitCode::usage);
    }
    // From here on a signal waits until the supervisor can stop in order what has been made.
    sigset_t stop_signals = Supervisor::stop_signals();
    sigprocmask(SIG_BLOCK, &stop_signals, nullptr);
    auto instance = Instance::open(checked.config);
    if (!instance) return refuse(instance.error());
    return Supervisor(checked.config, **instance).run();
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Runs the workers of one OrderFlow instance.", "ofsupervisor");
    app.footer(footer);
    app.set_version_flag("--version", OF_VERSION);
    app.require_subcommand(0, 1);  // an unknown option is told before a missing verb
    std::string path;
    bool json = false;
    auto* run_verb = app.add_subcommand("run", "Run an instance in the foreground");
    run_verb->add_option("--config", path, "Configuration file (TOML)")->required()->type_name("FILE");
    run_verb->footer("Sections of the file that the supervisor owns:\n" + describe_config());
    auto* check_verb = app.add_subcommand("check", "Check a configuration file");
    check_verb->add_option("--config", path, "Configuration file (TOML)")->required()->type_name("FILE");
    check_verb->add_flag("--json", json, "Print one JSON object");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? code(ExitCode::ok) : code(ExitCode::usage);
    }
    if (app.get_subcommands().empty()) {
        fmt::print(stderr, "ofsupervisor: say what to do: run or check (ofsupervisor --help explains)\n");
        return code(ExitCode::usage);
    }
    return check_verb->parsed() ? check(path, json) : run(path);
}
