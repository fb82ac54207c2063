// UTC days: which file a row belongs to.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace of::storage {

/// Days since 1970-01-01 of a wall time; correct before 1970 as well.
constexpr int64_t day_of(int64_t wall_ns) {
    constexpr int64_t day_ns = 86'400'000'000'000;
    return wall_ns >= 0 ? wall_ns / day_ns : -((-wall_ns + day_ns - 1) / day_ns);
}

struct Date {
    int64_t year;
    unsigned month;
    unsigned day;
};

/// Civil date of a day number (Howard Hinnant's days algorithms, public domain).
constexpr Date date_of(int64_t day) {
    const int64_t shifted = day + 719'468;
    const int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
    const auto of_era = static_cast<unsigned>(shifted - era * 146'097);
    const unsigned year_of_era = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
    const unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned month_index = (5 * of_year + 2) / 153;
    const unsigned month = month_index < 10 ? month_index + 3 : month_index - 9;
    const int64_t year = static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0);
    return {year, month, of_year - (153 * month_index + 2) / 5 + 1};
}

/// "2024-08-08"
inline std::string day_text(int64_t day) {
    const auto date = date_of(day);
    char text[40];
    std::snprintf(text, sizeof text, "%04lld-%02u-%02u", static_cast<long long>(date.year), date.month, date.day);
    return text;
}

}  // namespace of::storage
