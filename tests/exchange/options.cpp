#include "tests/exchange/options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <random>

namespace of::exchange {

namespace {

constexpr int usage_error = 2;

/// What CLI11 fills and finish() makes sense of.
struct Raw {
    Options options;
    bool synthetic = false;
    std::string speed = "1";
    std::string listen = "127.0.0.1:0";
    std::string control = "127.0.0.1:0";
    std::string symbols;
    std::vector<std::string> faults;
    size_t queue_mib = 32;
};

void declare_market(CLI::App& app, Raw& raw) {
    app.add_option("--tape", raw.options.tape, "play this recording (plain or .gz)");
    app.add_flag("--synthetic", raw.synthetic, "play a seeded synthetic market");
    app.add_option("--seed", raw.options.seed, "synthetic: the seed (default: a random one, which is printed)");
    app.add_option("--symbols", raw.symbols, "BTCUSDT,ETHUSDT; with --tape: play only these");
    app.add_option("--rate", raw.options.rate, "synthetic: messages a second over all symbols")
        ->check(CLI::Range(1.0, 200'000.0));
    app.add_option("--speed", raw.speed, "1, another factor, or max (as fast as the clients read)");
    app.add_flag("--start-at-once", raw.options.start_at_once, "do not wait for the first subscription");
    app.add_option("--fault", raw.faults, "kind:key=value:key=value, as in EXCHANGE.md; repeatable");
}

void declare_server(CLI::App& app, Raw& raw) {
    SessionLimits& session = raw.options.session;
    const auto seconds = CLI::Range(0.01, 1e9);
    app.add_option("--listen", raw.listen, "TLS address, loopback only; port 0 chooses one");
    app.add_option("--control", raw.control, "address of the control API (plain HTTP)");
    app.add_option("--state-dir", raw.options.state_dir, "where ca.pem and exchange.json go")->required();
    app.add_option("--ping-seconds", session.ping_seconds)->check(seconds);
    app.add_option("--pong-seconds", session.pong_seconds)->check(seconds);
    app.add_option("--lifetime-seconds", session.lifetime_seconds)->check(seconds);
    app.add_option("--slow-client-seconds", session.slow_client_seconds)->check(seconds);
    app.add_option("--queue-mib", raw.queue_mib, "frames waiting for one client")->check(CLI::Range(1, 4096));
    app.add_option("--incoming-per-second", session.incoming_per_second_max)->check(CLI::Range(1, 1'000'000));
    app.add_option("--connections-per-5-minutes", session.connections_max)->check(CLI::Range(1, 1'000'000));
    app.add_option("--weight-per-minute", raw.options.rest.weight_max)->check(CLI::Range(1, 1'000'000'000));
    app.add_option("--ban-seconds", raw.options.rest.ban_seconds)->check(CLI::Range(1, 1'000'000));
    app.add_flag("--die-with-parent", raw.options.die_with_parent, "end when the process that started this one ends");
    app.add_flag("--verbose", raw.options.verbose, "a line on stderr for each connection and fault");
}

Result<double> parse_speed(const std::string& text) {
    if (text == "max") return 0.0;
    double speed = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), speed);
    if (error != std::errc{} || end != text.data() + text.size() || !(speed >= 0.001 && speed <= 100'000)) {
        return fail(fmt::format("--speed {}: it is a factor from 0.001 to 100000, or max", text));
    }
    return speed;
}

Result<std::vector<std::string>> parse_symbols(std::string_view text) {
    std::vector<std::string> symbols;
    while (!text.empty()) {
        const std::string name(text.substr(0, text.find(',')));
        text.remove_prefix(std::min(text.size(), name.size() + 1));
        const bool good = name.size() >= 2 && name.size() <= 20 &&
                          std::all_of(name.begin(), name.end(),
                                      [](unsigned char c) { return std::isupper(c) != 0 || std::isdigit(c) != 0; });
        if (!good) return fail(fmt::format("--symbols: '{}' is no symbol; write them as BTCUSDT,ETHUSDT", name));
        if (std::find(symbols.begin(), symbols.end(), name) != symbols.end()) {
            return fail(fmt::format("--symbols: {} is there twice", name));
        }
        symbols.push_back(name);
    }
    return symbols;
}

Result<void> finish_faults(Raw& raw) {
    for (const auto& text : raw.faults) {
        auto fault = parse_fault(text);
        if (!fault) return fail(fmt::format("--fault {}: {}", text, fault.error().text));
        raw.options.faults.push_back(std::move(*fault));
    }
    return {};
}

Result<void> finish(Raw& raw, bool seed_given) {
    Options& options = raw.options;
    if (raw.synthetic != options.tape.empty()) return fail("give one of --tape FILE and --synthetic");
    if (!seed_given) options.seed = std::random_device{}();
    options.session.queue_bytes_max = raw.queue_mib << 20;
    auto speed = parse_speed(raw.speed);
    if (!speed) return tl::unexpected(speed.error());
    options.speed = *speed;
    auto symbols = parse_symbols(raw.symbols);
    if (!symbols) return tl::unexpected(symbols.error());
    options.symbols = std::move(*symbols);
    auto listen = parse_endpoint(raw.listen);
    if (!listen) return fail("--listen " + listen.error().text);
    options.listen = *listen;
    auto control = parse_endpoint(raw.control);
    if (!control) return fail("--control " + control.error().text);
    options.control = *control;
    return finish_faults(raw);
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
    const size_t colon = text.rfind(':');
    Endpoint endpoint;
    endpoint.host = text.substr(0, colon);
    if (endpoint.host == "localhost") endpoint.host = "127.0.0.1";
    if (endpoint.host == "[::1]") endpoint.host = "::1";
    const char* const end = text.data() + text.size();
    const char* const begin = colon == std::string_view::npos ? end : text.data() + colon + 1;
    const auto [at, error] = std::from_chars(begin, end, endpoint.port);
    if (error != std::errc{} || at != end) return fail(fmt::format("{}: it is HOST:PORT", text));
    if (!endpoint.host.starts_with("127.") && endpoint.host != "::1") {
        return fail(fmt::format("{}: a stand-in listens on loopback only", text));
    }
    return endpoint;
}

std::variant<Options, ExitCode> parse_options(int argc, char** argv) {
    CLI::App app(
        "A stand-in for Binance's market data: WebSocket streams and REST over TLS, from a tape or a seeded "
        "market.");
    app.footer(
        "Pages: tests/exchange/EXCHANGE.md. Ends with 0 on SIGTERM or SIGINT, 1 when it cannot run, 2 on bad "
        "usage.");
    Raw raw;
    declare_market(app, raw);
    declare_server(app, raw);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return ExitCode{app.exit(error) == 0 ? 0 : usage_error};
    }
    if (auto finished = finish(raw, app.count("--seed") > 0); !finished) {
        fmt::print(stderr, "of-exchange: {}\n", finished.error().text);
        return ExitCode{usage_error};
    }
    return raw.options;
}

}  // namespace of::exchange
