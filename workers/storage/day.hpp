// UTC days: which one a time belongs to, and the name of its file. Pure.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace of::storage {

/// Days since 1970-01-01, UTC.
using Day = int64_t;

inline constexpr int64_t ns_per_day = 86'400'000'000'000;
inline constexpr std::string_view file_prefix = "orderflow-";
inline constexpr std::string_view file_suffix = ".sqlite";

constexpr Day day_of(int64_t wall_ns) { return (wall_ns >= 0 ? wall_ns : wall_ns - ns_per_day + 1) / ns_per_day; }

inline std::string date_text(Day day) {
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()));
}

/// "orderflow-2026-11-23.sqlite"
inline std::string file_name(Day day) { return fmt::format("{}{}{}", file_prefix, date_text(day), file_suffix); }

/// The day of a file of this name; nothing for any other name.
inline std::optional<Day> day_of_file(std::string_view name) {
    if (name.size() != file_prefix.size() + 10 + file_suffix.size()) return {};
    const auto date = name.substr(file_prefix.size(), 10);
    const auto part = [&](size_t at, size_t size) {
        int value = -1;
        std::from_chars(date.data() + at, date.data() + at + size, value);
        return value;
    };
    using namespace std::chrono;
    const year_month_day parsed{year{part(0, 4)}, month{static_cast<unsigned>(part(5, 2))},
                                std::chrono::day{static_cast<unsigned>(part(8, 2))}};
    if (!parsed.ok()) return {};
    const auto found = sys_days{parsed}.time_since_epoch().count();
    return file_name(found) == name ? std::optional<Day>(found) : std::nullopt;
}

}  // namespace of::storage
