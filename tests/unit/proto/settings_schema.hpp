// The sections that the tests of settings.hpp read, and the smallest file that is valid for them.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "proto/settings.hpp"

namespace of::settings::test {

inline std::string expects_pair(std::string_view value) {
    const bool good = std::ranges::all_of(value, [](char c) { return c >= 'A' && c <= 'Z'; });
    return good && value.size() >= 5 ? "" : "a pair in capitals, as BTCUSDT";
}

constexpr Key instance_keys[] = {
    {.name = "name", .fallback = R"("orderflow")", .help = "names the segments", .min = 1, .max = 8},
    {.name = "state_dir", .fallback = R"("run")", .help = "lock and socket"},
};
constexpr Key restart_keys[] = {
    {.name = "delay_min_ms",
     .kind = Kind::integer,
     .fallback = "50",
     .help = "before the second restart",
     .min = 1,
     .max = 60000},
    {.name = "jitter", .kind = Kind::number, .fallback = "0.2", .help = "random share of a delay", .min = 0, .max = 1},
};
constexpr Key storage_keys[] = {
    {.name = "batch_rows_max",
     .kind = Kind::integer,
     .fallback = "1000",
     .help = "rows of one transaction",
     .min = 1,
     .max = 100000},
    {.name = "batch_age_ms", .kind = Kind::integer, .fallback = "100", .help = "age of a batch", .min = 1},
    {.name = "synchronous", .fallback = R"("normal")", .help = "of SQLite", .choices = "off|normal|full"},
    {.name = "repair", .kind = Kind::boolean, .fallback = "true", .help = "ask for missing trades"},
};
constexpr Key binance_keys[] = {
    {.name = "symbols",
     .kind = Kind::text_list,
     .help = "pairs to follow",
     .min = 1,
     .max = 3,
     .required = true,
     .expects = expects_pair},
    {.name = "streams",
     .kind = Kind::text_list,
     .fallback = R"(["trade"])",
     .help = "streams of each pair",
     .choices = "trade|depth"},
};
constexpr Section sections[] = {{"instance", instance_keys},
                                {"supervisor.restart", restart_keys},
                                {"storage", storage_keys},
                                {"binance", binance_keys}};
constexpr std::string_view foreign[] = {"logger", "communication"};
constexpr std::string_view everything_else[] = {"*"};

/// The smallest valid file; a mistake stands on the line after it, which is line 3.
inline const std::string valid = "[binance]\nsymbols = [\"BTCUSDT\"]\n";

inline std::string problems_of(const std::string& toml) {
    return render("of.toml", parse(toml, "of.toml", sections, foreign).problems);
}

/// Fit for a line of a test's report: one line, and printable.
inline std::string one_line(std::string text) {
    std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '~');
    return text;
}

}  // namespace of::settings::test
