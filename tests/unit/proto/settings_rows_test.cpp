#include "proto/settings_rows.hpp"

#include <catch2/catch.hpp>

using namespace of::settings;

namespace {

constexpr Key keys[] = {
    {.name = "level", .fallback = R"("info")", .help = "how much is said", .choices = "info|warn"},
    {.name = "size",
     .kind = Kind::integer,
     .fallback = "8",
     .help = "slots",
     .min = 4,
     .max = 64,
     .power_of_two = true},
    {.name = "names", .kind = Kind::text_list, .help = "who", .min = 1, .max = 3, .required = true},
};
constexpr Key inner_keys[] = {{.name = "on", .kind = Kind::boolean, .fallback = "true", .help = "whether"}};
constexpr Section room_sections[] = {{"room", keys}, {"room.inner", inner_keys}};

}  // namespace

TEST_CASE("sections told as lines are the same sections again") {
    const auto lines = to_lines(room_sections);
    const ToldSections told(lines);
    REQUIRE(to_lines(told.sections()) == lines);
    REQUIRE(told.sections().size() == 2);
    for (size_t i = 0; i < 2; ++i) REQUIRE(describe(told.sections()[i]) == describe(room_sections[i]));
}

TEST_CASE("lines that are no keys are left out") {
    const ToldSections told("no tabs\n\na\tb\tnothing\t1\t\t\t\t\thelp\nroom\tkey\tinteger\t1\t\tx\t\t\thelp\n");
    REQUIRE(told.sections().size() == 1);
    REQUIRE(told.sections()[0].keys.size() == 1);
    REQUIRE(expected_text(told.sections()[0].keys[0]) == "a whole number");
}

TEST_CASE("each key stands where the file has it, else at its default") {
    const Standings standings("# first\n[room]\nnames = [\"a\", 'b\"c']\n[room.inner]\non = false\n");
    REQUIRE(standings.of(room_sections[0], keys[0]).line == 0);
    REQUIRE(standings.of(room_sections[0], keys[0]).value == "\"info\"");
    REQUIRE(standings.of(room_sections[0], keys[2]).line == 3);
    REQUIRE(standings.of(room_sections[0], keys[2]).value == R"(["a", "b\"c"])");
    REQUIRE(standings.of(room_sections[1], inner_keys[0]).value == "false");
    REQUIRE(standings.of(room_sections[1], inner_keys[0]).line == 5);
}

TEST_CASE("the schema nests sections and states bounds, choices, defaults and what is required") {
    const auto schema = json_schema(room_sections);
    for (const auto* part :
         {R"("enum":["info","warn"])", R"("default":8,"minimum":4,"maximum":64)", R"("minItems":1,"maxItems":3)",
          R"("required":["names"])", R"("inner":{"type":"object","additionalProperties":false)"})
        REQUIRE(schema.find(part) != std::string::npos);
}
