#include "workers/runtime/options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "proto/settings_rows.hpp"

namespace of {
namespace {

/// "storage=5,logger=7" as pairs; false for anything else.
bool parse_pairs(const std::string& text, std::map<std::string, int64_t>& pairs) {
    size_t from = 0;
    while (from < text.size()) {
        const auto end = std::min(text.find(',', from), text.size());
        const auto equals = text.find('=', from);
        int64_t value = -1;
        if (equals >= end) return false;
        const auto [last, error] = std::from_chars(text.data() + equals + 1, text.data() + end, value);
        if (error != std::errc{} || last != text.data() + end || value < 0) return false;
        pairs[text.substr(from, equals - from)] = value;
        from = end + 1;
    }
    return true;
}

bool parse_doorbells(const std::string& text, std::map<std::string, int>& doorbells) {
    std::map<std::string, int64_t> pairs;
    if (!parse_pairs(text, pairs)) return false;
    for (const auto& [name, descriptor] : pairs) doorbells[name] = static_cast<int>(descriptor);
    return true;
}

/// As the supervisor writes the section [breaker]; what is not named keeps its default.
bool parse_breaker(const std::string& text, shm::BreakerRules& rules) {
    std::map<std::string, int64_t> pairs;
    if (!parse_pairs(text, pairs)) return false;
    constexpr int64_t ns_per_ms = 1'000'000;
    for (const auto& [name, value] : pairs) {
        if (name == "failures") rules.failures_max = static_cast<uint32_t>(value);
        if (name == "window_ms") rules.window_ns = value * ns_per_ms;
        if (name == "rate_percent") rules.rate_percent = static_cast<uint32_t>(value);
        if (name == "calls_min") rules.calls_min = static_cast<uint32_t>(value);
        if (name == "open_ms") rules.open_ns = value * ns_per_ms;
        if (name == "open_max_ms") rules.open_max_ns = value * ns_per_ms;
        if (name == "jitter_percent") rules.jitter_percent = static_cast<uint32_t>(value);
        if (name == "healthy_ms") rules.healthy_ns = value * ns_per_ms;
        if (name == "probes") rules.probes = static_cast<uint32_t>(value);
        if (name == "probe_lease_ms") rules.lease_ns = value * ns_per_ms;
    }
    return true;
}

/// Prints what is wrong with this program's own sections; its exit code says whether anything is.
int check_config(const WorkerProgram& program, const std::string& path, int descriptor) {
    constexpr std::string_view everything_else[] = {"*"};
    const auto loaded = settings::load(descriptor, path, program.sections, everything_else);
    fmt::print("{}", settings::render(path, loaded.problems));
    return code(loaded.problems.empty() ? ExitCode::ok : ExitCode::usage);
}

constexpr const char* exit_codes =
    "Exit codes: 0 stopped in order, 1 failed, 2 bad configuration, 9 layout mismatch, 10 no resources.";

std::string part_of_configuration(const WorkerProgram& program) {
    std::string text =
        "Started by ofsupervisor, which gives it its segments and doorbells. Its part of the configuration:\n";
    for (const auto& section : program.sections) text += "\n" + settings::describe(section);
    return text;
}

}  // namespace

std::variant<WorkerOptions, int> parse_options(const WorkerProgram& program, int argc, char** argv) {
    WorkerOptions options;
    std::string check_path;
    std::string doorbells;
    std::string breaker;
    std::string wait = "sleep";
    std::string sandbox = "enforce";
    unsigned index = 0;
    CLI::App app(std::string(program.summary), "of-" + std::string(name_of(program.kind)));
    app.footer(exit_codes);
    app.footer([&program] { return part_of_configuration(program); });
    app.set_version_flag("--version", OF_VERSION);
    app.add_option("--check-config", check_path, "Check this program's sections of FILE, print every error, and end")
        ->type_name("FILE");
    bool describe = false;
    app.add_flag("--describe-config", describe, "Print this program's keys, for programs, and end");
    app.add_option("--instance", options.instance, "Name of the instance whose segments to attach to");
    app.add_option("--index", index, "Number of this worker among those of its kind")
        ->check(CLI::Range(0u, unsigned{feeds_max} - 1));
    app.add_option("--config", options.config_path, "Configuration file")->type_name("FILE");
    app.add_option("--data-dir", options.data_dir, "Where data is kept")->type_name("DIR");
    app.add_option("--log-dir", options.log_dir, "Where logs are kept")->type_name("DIR");
    app.add_option("--trace-sample", options.trace_sample, "Trace 1 in N pieces of work; 0 for none")->type_name("N");
    app.add_option("--breaker", breaker, "Rules of circuit breakers: NAME=NUMBER,...");
    app.add_option("--wait", wait, "What to do when idle")->check(CLI::IsMember({"sleep", "yield", "spin"}));
    app.add_option("--parent", options.parent_pid, "Process whose end is ours")->type_name("PID");
    app.add_flag("--outlives", options.outlives_parent,
                 "Go on when that process ends, for as long as the lifeline lasts");
    app.add_option("--config-fd", options.config_fd, "Inherited descriptor of the text to take for FILE's")
        ->type_name("FD");
    app.add_option("--config-generation", options.config_generation, "Which configuration of the instance that is")
        ->type_name("N");
    app.add_option("--gate", options.gate, "Inherited socket to wait at before attaching")->type_name("FD");
    app.add_option("--lifeline", options.lifeline, "Inherited pipe that ends with the supervisor")->type_name("FD");
    app.add_option("--black-box", options.black_box, "Inherited memfd to write a crash into")->type_name("FD");
    app.add_flag("--lock-memory", options.lock_memory, "Keep all memory in RAM");
    app.add_option("--sandbox", sandbox,
                   "What the process may do once it is ready: only what its role needs, or anything")
        ->check(CLI::IsMember({"enforce", "audit", "off"}));
    app.add_option("--doorbells", doorbells, "Inherited event descriptors: NAME=FD,...");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? code(ExitCode::ok) : code(ExitCode::usage);
    }
    if (describe) {
        fmt::print("{}", settings::to_lines(program.sections));
        return code(ExitCode::ok);
    }
    if (!check_path.empty()) return check_config(program, check_path, options.config_fd);
    options.self = {program.kind, static_cast<uint8_t>(index)};
    options.wait = wait == "spin" ? WaitMode::spin : wait == "yield" ? WaitMode::yield : WaitMode::sleep;
    options.sandbox = parse_sandbox_mode(sandbox).value_or(SandboxMode::enforce);
    if (!parse_breaker(breaker, options.breaker)) {
        fmt::print(stderr, "of-{}: --breaker must be NAME=NUMBER,...\n", name_of(program.kind));
        return code(ExitCode::usage);
    }
    if (options.config_path.empty() || !parse_doorbells(doorbells, options.doorbells)) {
        fmt::print(stderr, "of-{}: {}; it is started by ofsupervisor (see ofsupervisor run --help)\n",
                   name_of(program.kind),
                   options.config_path.empty() ? "--config FILE is missing" : "--doorbells must be NAME=FD,...");
        return code(ExitCode::usage);
    }
    return options;
}

}  // namespace of
