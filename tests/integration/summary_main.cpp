// of-summary: asks a running instance what became of everything that it has published.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "proto/types.hpp"
#include "tests/integration/summary.hpp"

namespace {

constexpr const char* footer = R"(Example:
  of-summary --config run/orderflow.toml --exchange run/exchange/exchange.json --json

Exit codes: 0 all that was published is stored and nothing was lost; 1 not so within the time allowed (the sentence is on
stderr), or the instance does not run; 2 bad command line.)";

}  // namespace

int main(int argc, char** argv) {
    using namespace of;
    using namespace of::integration;
    SummaryOptions options;
    bool json = false;
    CLI::App app("Waits until all that an instance has published is stored, and counts it.", "of-summary");
    app.footer(footer);
    app.add_option("--config", options.config, "Configuration of the instance")->required()->type_name("FILE");
    app.add_option("--exchange", options.exchange,
                   "exchange.json of the stand-in exchange, whose market is ended first")
        ->type_name("FILE");
    app.add_option("--wait-seconds", options.wait_seconds, "Wait no longer than this (30)")
        ->check(CLI::Range(0.1, 3600.0));
    app.add_flag("--json", json, "Print one JSON object");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? code(ExitCode::ok) : code(ExitCode::usage);
    }
    note_interrupts();
    const auto summary = summarise(options);
    if (!summary) {
        fmt::print(stderr, "of-summary: {}\n", summary.error().message);
        return code(ExitCode::failed);
    }
    fmt::print("{}{}", json ? json_of(*summary) : page_of(*summary), json ? "\n" : "");
    if (summary->problem.empty()) return code(ExitCode::ok);
    fmt::print(stderr, "of-summary: {}\n", summary->problem);
    return code(ExitCode::failed);
}
