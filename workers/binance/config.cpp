#include "workers/binance/config.hpp"

#include <algorithm>
#include <filesystem>

namespace of::binance {
namespace {

using settings::Key;
using settings::Kind;

std::string expect_symbol(std::string_view text) {
    const auto is_plain = [](unsigned char c) {
        return c > ' ' && c != '/' && c != '@' && c != '?' && c != '&' && c != '"' && !(c >= 'a' && c <= 'z');
    };
    const bool fits = !text.empty() && text.size() <= SymbolText{}.bytes.size();
    return fits && std::ranges::all_of(text, is_plain) ? "" : "a symbol in capitals, such as \"BTCUSDT\"";
}
std::string expect_wss(std::string_view text) {
    return parse_url(text, "wss") ? "" : "a URL of the form wss://HOST[:PORT][/PATH]";
}
std::string expect_https(std::string_view text) {
    return parse_url(text, "https") ? "" : "a URL of the form https://HOST[:PORT][/PATH]";
}
std::string expect_https_or_none(std::string_view text) { return text.empty() ? "" : expect_https(text); }

constexpr int64_t no_min = 1;
constexpr Key keys[] = {
    {.name = "symbols",
     .kind = Kind::text_list,
     .fallback = "[\"BTCUSDT\"]",
     .help = "Symbols to follow; all share one connection",
     .min = 1,
     .max = symbols_per_line_max,
     .expects = expect_symbol},
    {.name = "stream_url",
     .fallback = "\"wss://data-stream.binance.vision\"",
     .help = "Where the streams are; /stream?streams=... is appended",
     .expects = expect_wss},
    {.name = "rest_url",
     .fallback = "\"https://data-api.binance.vision\"",
     .help = "Where depth snapshots and aggregate trades are asked for",
     .expects = expect_https},
    {.name = "history_url",
     .fallback = "\"\"",
     .help = "Where single trades are repaired from; empty for rest_url, or api.binance.com where that is "
             "the data-only host",
     .expects = expect_https_or_none},
    {.name = "ca_file",
     .fallback = "\"\"",
     .help = "PEM file of the only authorities to trust, in place of the system's; relative to this file"},
    {.name = "snapshot_limit",
     .kind = Kind::integer,
     .fallback = "5000",
     .help = "Levels a side that a depth snapshot asks for",
     .min = 5,
     .max = 5'000},
    {.name = "reconnect_min_ms",
     .kind = Kind::integer,
     .fallback = "250",
     .help = "First reconnect delay at most; doubled for each further attempt",
     .min = no_min,
     .max = 60'000},
    {.name = "reconnect_max_ms",
     .kind = Kind::integer,
     .fallback = "30000",
     .help = "Longest reconnect delay",
     .min = no_min,
     .max = 3'600'000,
     .not_below = "reconnect_min_ms"},
    {.name = "stale_after_ms",
     .kind = Kind::integer,
     .fallback = "60000",
     .help = "A symbol silent for so long is reported as stale",
     .min = 100,
     .max = 86'400'000},
    {.name = "dead_after_ms",
     .kind = Kind::integer,
     .fallback = "45000",
     .help = "A connection without any frame for so long is dropped; the exchange pings each 20 s",
     .min = 100,
     .max = 3'600'000},
    {.name = "rotate_after_s",
     .kind = Kind::integer,
     .fallback = "84600",
     .help = "Age at which a connection is replaced by a new one that runs beside it first; 0 for never",
     .min = 0,
     .max = 86'400},
    {.name = "repair", .kind = Kind::boolean, .fallback = "true", .help = "Fetch missing trades over REST"},
    {.name = "repair_ids_max",
     .kind = Kind::integer,
     .fallback = "200000",
     .help = "A gap of more ids than this is left open",
     .min = no_min,
     .max = 100'000'000},
};

/// The data-only host has no historicalTrades; the general one has.
std::string history_host(const settings::Values& values, const Url& rest_url) {
    const auto named = values.text("history_url");
    if (!named.empty()) return std::string(named);
    return rest_url.host == "data-api.binance.vision" ? "https://api.binance.com"
                                                      : std::string(values.text("rest_url"));
}

}  // namespace

const settings::Section section{"binance", keys};

Expected<Config> Config::from(const settings::Values& values, const std::string& config_path) {
    Config config;
    auto stream_url = parse_url(values.text("stream_url"), "wss");
    if (!stream_url) return tl::make_unexpected(stream_url.error());
    auto rest_url = parse_url(values.text("rest_url"), "https");
    if (!rest_url) return tl::make_unexpected(rest_url.error());
    auto history_url = parse_url(history_host(values, *rest_url), "https");
    if (!history_url) return tl::make_unexpected(history_url.error());
    config.symbols = values.text_list("symbols");
    config.line = {*stream_url, streams_target(*stream_url, config.symbols)};
    config.rest_url = std::move(*rest_url);
    config.history_url = std::move(*history_url);
    const std::filesystem::path ca_file(values.text("ca_file"));
    if (!ca_file.empty())
        config.ca_file = (std::filesystem::absolute(config_path).parent_path() / ca_file).lexically_normal();
    config.snapshot_limit = values.integer("snapshot_limit");
    config.reconnect_min_ms = values.integer("reconnect_min_ms");
    config.reconnect_max_ms = values.integer("reconnect_max_ms");
    config.stale_after_ms = values.integer("stale_after_ms");
    config.dead_after_ms = values.integer("dead_after_ms");
    config.rotate_after_s = values.integer("rotate_after_s");
    config.repair = values.boolean("repair");
    config.repair_ids_max = values.integer("repair_ids_max");
    return config;
}

}  // namespace of::binance
