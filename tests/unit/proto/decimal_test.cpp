#include "proto/decimal.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace of;

TEST_CASE("decimal text of the exchange becomes exact integers") {
    struct Row {
        std::string_view text;
        e8_t value;
    };
    const Row rows[] = {{"61837.63000000", 6'183'763'000'000},
                        {"0.00000001", 1},
                        {"100", 10'000'000'000},
                        {"0", 0},
                        {"0.0", 0},
                        {"0.001", 100'000},
                        {"007.5", 750'000'000},
                        {"1.2345678900", 123'456'789},
                        {"92233720368.54775807", std::numeric_limits<e8_t>::max()},
                        {"92233720368.00000000", 9'223'372'036'800'000'000}};
    for (const auto& row : rows) {
        INFO(row.text);
        REQUIRE(parse_e8(row.text) == row.value);
    }
}

TEST_CASE("bad decimal text is refused, never rounded") {
    for (const std::string_view text : {"",
                                        ".",
                                        "1.",
                                        ".5",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1e5",
                                        "1E5",
                                        "0x10",
                                        "1,5",
                                        "1.2.3",
                                        "1.123456789",
                                        "0.000000001",
                                        "nan",
                                        "inf",
                                        "--",
                                        "92233720368.54775808",
                                        "99999999999999999999",
                                        "1.-5",
                                        "१"}) {
        INFO('"' << text << '"');
        REQUIRE_FALSE(parse_e8(text).has_value());
    }
}

TEST_CASE("printing and parsing are inverse") {
    REQUIRE(format_e8(6'183'763'000'000) == "61837.63000000");
    REQUIRE(format_e8(0) == "0.00000000");
    REQUIRE(format_e8(-1) == "-0.00000001");
    REQUIRE(format_e8(std::numeric_limits<e8_t>::min()) == "-92233720368.54775808");
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 10'000; ++i) {
        const auto value = static_cast<e8_t>(random() >> (1 + random() % 62));
        REQUIRE(parse_e8(format_e8(value)) == value);
    }
}
