#include "tests/integration/run_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <optional>
#include <random>

#include "proto/types.hpp"

namespace of::integration {
namespace {

constexpr const char* footer = R"(Examples:
  of-tape-run --tape spot.jsonl.gz --speed 20 --json
  of-tape-run --tape spot.jsonl.gz --speed 20 --kill storage --every 1s --json
  of-tape-run --synthetic --seconds 15 --kill logger,storage,communication,binance --every 2s --kills 4
  of-tape-run --synthetic --seconds 20 --kill random --every 700ms --seed 7

Exit codes: 0 everything played is stored or in the gap ledger (and the books are the golden ones, if given), 1 not so, or
something else went wrong (a sentence on stderr says what), 2 bad command line, 77 the tape is not there, 130 interrupted.)";

/// "500ms", "5s", "2m"; nothing for any other text.
std::optional<Milliseconds> parse_duration(const std::string& text) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
    if (error != std::errc{} || number <= 0 || number > 86'400'000) return {};
    if (unit == "ms") return Milliseconds(number);
    if (unit == "s") return Milliseconds(number * 1000);
    if (unit == "m") return Milliseconds(number * 60'000);
    return {};
}

std::string expect_speed(const std::string& text) {
    double factor = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), factor);
    const bool good =
        text == "max" || (error == std::errc{} && end == text.data() + text.size() && factor > 0 && factor <= 1e6);
    return good ? "" : fmt::format("\"{}\" is neither a factor above 0 nor \"max\"", text);
}

std::string expect_victims(const std::vector<std::string>& victims) {
    for (const auto& victim : victims) {
        if (!parse_process(victim) && victim != "random")
            return fmt::format(
                "--kill: there is no process \"{}\"; expected binance, storage, communication, logger, supervisor or "
                "random",
                victim);
        if (victim == "random" && victims.size() > 1) return "--kill: \"random\" stands alone";
    }
    return "";
}

/// The sentence that says what is wrong with options that contradict each other, or "".
std::string expect_sense(const RunOptions& options, bool synthetic, const std::string& every) {
    if (synthetic == !options.tape.empty())
        return synthetic ? "--tape and --synthetic exclude each other" : "give --tape FILE or --synthetic";
    if (!parse_duration(every)) return fmt::format("--every: \"{}\" is not a duration such as 500ms, 5s or 1m", every);
    if (options.trace_check > 1000) return "--trace-check: 1000 trades at most";
    if ((options.market_slots & (options.market_slots - 1)) != 0)
        return fmt::format("--market-slots must be a power of two, found {}", options.market_slots);
    return expect_victims(options.victims);
}

void describe_market(CLI::App& app, RunOptions& options, bool& synthetic) {
    app.add_option("--tape", options.tape, "Play this recording")->type_name("FILE");
    app.add_flag("--synthetic", synthetic, "Play a seeded synthetic market instead");
    app.add_option("--speed", options.speed, "Of the tape: a factor, or max (1)")
        ->check(CLI::Validator(expect_speed, "1|N|max"));
    app.add_option("--symbols", options.symbols, "Symbols of the market (BTCUSDT,ETHUSDT)")->delimiter(',');
    app.add_option("--rate", options.rate, "Of the synthetic market, messages a second (400)")
        ->check(CLI::Range(1.0, 100'000.0));
    app.add_option("--seconds", options.seconds, "Of the synthetic market (15)")->check(CLI::Range(1.0, 86'400.0));
    app.add_option("--seed", options.seed, "Of the synthetic market and of random kills; 0: chosen and printed (0)");
    app.add_option("--fault", options.faults,
                   "Misbehaviour of the exchange, as of-exchange --fault takes it; repeatable")
        ->type_name("SPEC");
}

void describe_rest(CLI::App& app, RunOptions& options, std::string& every) {
    app.add_option("--kill", options.victims,
                   "Kill these processes with SIGKILL while the market plays, one after another")
        ->delimiter(',')
        ->type_name("WORKER|random");
    app.add_option("--every", every, "Between two kills (1s)")->type_name("DURATION");
    app.add_option("--kills", options.kills_max, "So many kills at most; 0: until shortly before the market's end (0)");
    app.add_option("--market-slots", options.market_slots, "Of the market ring (262144)")
        ->check(CLI::Range(8192u, 1u << 26));
    app.add_flag("--trace", options.trace, "Leave trace hops of everything");
    app.add_option("--trace-check", options.trace_check,
                   "Look up the hops of so many stored trades with ofctl; implies --trace")
        ->type_name("N");
    app.add_option("--golden", options.golden, "Books that must come out, as golden_spot.json has them")
        ->check(CLI::ExistingFile)
        ->type_name("FILE");
    app.add_option("--settle-seconds", options.settle_seconds,
                   "Wait so long after the market's end for all to be stored (60)")
        ->check(CLI::Range(1.0, 3600.0));
    app.add_flag("--json", options.json, "Print one JSON object");
    app.add_flag("--keep", options.keep, "Keep the run's folder, and say where it is");
    app.add_flag("--verbose", options.verbose, "Say on stderr what happens");
}

}  // namespace

std::variant<RunOptions, int> parse_run_options(int argc, char** argv) {
    RunOptions options;
    bool synthetic = false;
    std::string every = "1s";
    CLI::App app("Plays a market to the whole system, and holds what was stored against what was played.",
                 "of-tape-run");
    app.footer(footer);
    describe_market(app, options, synthetic);
    describe_rest(app, options, every);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? code(ExitCode::ok) : code(ExitCode::usage);
    }
    const auto problem = expect_sense(options, synthetic, every);
    if (!problem.empty()) {
        fmt::print(stderr, "of-tape-run: {}\n", problem);
        return code(ExitCode::usage);
    }
    options.every = *parse_duration(every);
    options.trace = options.trace || options.trace_check != 0;
    while (options.seed == 0) options.seed = std::random_device{}();
    return options;
}

}  // namespace of::integration
