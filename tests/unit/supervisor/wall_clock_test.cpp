#include <catch2/catch.hpp>

#include "supervisor/wall_clock.hpp"

using of::supervisor::WallClock;

TEST_CASE("who sets the wall clock is noticed, and nothing else is taken for it") {
    constexpr int64_t second = 1'000'000'000;
    constexpr int64_t year_2026 = 1'767'225'600 * second;
    struct Row {
        const char* what;
        int64_t wall, uptime;  // that have passed since the look before
        int64_t step;
    };
    constexpr Row rows[] = {
        {"the first look", year_2026, 100 * second, 0},
        {"a second", second, second, 0},
        {"NTP turns it", second + 500'000, second, 0},
        {"a night of suspension", 30'000 * second, 30'000 * second, 0},
        {"just below", second + WallClock::least_step_ns - 1, second, 0},
        {"an hour on", 3601 * second, second, 3600 * second},
        {"once", second, second, 0},
        {"an hour back", -3599 * second, second, -3600 * second},
        {"a leap second", 2 * second, second, second},
    };
    WallClock clock;
    int64_t wall = 0, uptime = 0;
    for (const auto& row : rows) {
        INFO(row.what);
        CHECK(clock.look(wall += row.wall, uptime += row.uptime) == row.step);
    }
}
