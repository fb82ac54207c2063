// of-subscriber: a WebSocket client for the command line and for deploy/quickstart.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "proto/types.hpp"
#include "tests/integration/interrupt.hpp"
#include "tests/integration/report.hpp"

namespace {

using namespace of;
using namespace of::integration;

constexpr const char* footer = R"(Examples:
  of-subscriber --url ws://127.0.0.1:8080/ws
  of-subscriber --url ws://127.0.0.1:8080/ws --streams trades,quotes --symbols BTCUSDT --backlog 500 --seconds 10 --json

It reconnects for ever and asks for a backlog again; Ctrl-C, SIGTERM or --seconds end it.
Exit codes: 0 every trade id from the first to the last came, once each; 1 not so, or it never got a connection; 2 bad command line.)";

struct CommandLine {
    std::string url;
    double seconds = 0;
    bool quiet = false;
    bool json = false;
};

void print_json(const SubscriberReport& report) {
    std::string symbols;
    for (const auto& [name, seen] : report.symbols) {
        symbols += fmt::format(
            R"({}{}:{{"trades":{},"backlog":{},"first_id":{},"last_id":{},"holes":{},"twice":{},"quotes":{},"last_update_id":{}}})",
            symbols.empty() ? "" : ",", json_text(name), seen.trades, seen.stored, seen.ids.first(), seen.ids.last(),
            seen.ids.holes(), seen.twice, seen.quotes, seen.last_update_id);
    }
    const auto& q = report.receive_to_client;
    fmt::print(
        R"({{"symbols":{{{}}},"messages":{},"connections":{},"lost":{},"unreadable":{},"receive_to_client_ns":{{"p50":{},"p99":{},"p999":{},"max":{}}}}})"
        "\n",
        symbols, report.messages, report.connections, report.lost, report.unreadable, q.p50, q.p99, q.p999, q.max);
}

void print_page(const SubscriberReport& report) {
    for (const auto& [name, seen] : report.symbols) {
        fmt::print("{:<12} {} trades live, {} from the backlog, ids {} to {}, {} holes, {} twice, {} quotes\n", name,
                   seen.trades, seen.stored, seen.ids.first(), seen.ids.last(), seen.ids.holes(), seen.twice,
                   seen.quotes);
    }
    const auto& q = report.receive_to_client;
    fmt::print(
        "{} messages over {} connections, {} lost; receive to client p50 {:.1f} us, p99 {:.1f} us, max {:.1f} us\n",
        report.messages, report.connections, report.lost, static_cast<double>(q.p50) / 1e3,
        static_cast<double>(q.p99) / 1e3, static_cast<double>(q.max) / 1e3);
}

/// One line each second, unless --quiet.
void watch(const Subscriber& subscriber, const CommandLine& line) {
    const auto limit = line.seconds > 0 ? Milliseconds(static_cast<int64_t>(line.seconds * 1000))
                                        : Milliseconds(std::chrono::hours(24 * 365));
    auto told = std::chrono::steady_clock::now();
    uint64_t before = 0;
    wait_for(limit, [&] {
        const auto now = std::chrono::steady_clock::now();
        if (line.quiet || now - told < 1s) return false;
        const auto report = subscriber.report();
        fmt::print(stderr, "of-subscriber: {} messages ({} in the last second), {} trade ids, {} holes\n",
                   report.messages, report.messages - before, report.ids(), report.holes());
        before = report.messages;
        told = now;
        return false;
    });
}

int run(const SubscriberOptions& options, const CommandLine& line) {
    note_interrupts();
    Subscriber subscriber(options);
    subscriber.start();
    watch(subscriber, line);
    subscriber.stop();
    const auto report = subscriber.report();
    for (const auto& refusal : report.refusals) fmt::print(stderr, "of-subscriber: the server refused: {}\n", refusal);
    line.json ? print_json(report) : print_page(report);
    const bool good = report.connections != 0 && report.holes() == 0 && report.twice() == 0 && report.unreadable == 0 &&
                      report.refusals.empty();
    return code(good ? ExitCode::ok : ExitCode::failed);
}

}  // namespace

int main(int argc, char** argv) {
    CommandLine line;
    SubscriberOptions options;
    CLI::App app("Subscribes to the live streams of OrderFlow, and checks that no trade is missing.", "of-subscriber");
    app.footer(footer);
    app.add_option("--url", line.url, "Of the WebSocket, ws://HOST:PORT/ws")->required();
    app.add_option("--streams", options.streams, "trades, quotes or both (trades)")
        ->delimiter(',')
        ->check(CLI::IsMember({"trades", "quotes"}));
    app.add_option("--symbols", options.symbols, "Symbols; all when absent")->delimiter(',');
    app.add_option("--backlog", options.backlog, "Stored trades of each symbol to ask for first (0)")
        ->check(CLI::Range(0u, 1'000'000u));
    app.add_option("--seconds", line.seconds, "End after so long; 0: with Ctrl-C (0)")->check(CLI::Range(0.0, 1e8));
    app.add_flag("--quiet", line.quiet, "No line each second");
    app.add_flag("--json", line.json, "Print one JSON object at the end");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? code(ExitCode::ok) : code(ExitCode::usage);
    }
    if (const auto read = read_url(line.url, options); !read) {
        fmt::print(stderr, "of-subscriber: {}\n", read.error().message);
        return code(ExitCode::usage);
    }
    return run(options, line);
}
