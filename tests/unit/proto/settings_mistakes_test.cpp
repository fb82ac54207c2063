#include "tests/unit/proto/settings_schema.hpp"

using namespace of::settings;
using namespace of::settings::test;

namespace {

struct Mistake {
    std::string toml;      ///< stands after `valid`
    std::string rendered;  ///< without the file's name
};

const Mistake mistakes[] = {
    // Names.
    {"[storage]\nbatch_row_max = 5",
     "4:1: unknown key \"batch_row_max\" in [storage]; did you mean \"batch_rows_max\"?"},
    {"[storage]\n  BATCH-AGE-MS = 5", "4:3: unknown key \"BATCH-AGE-MS\" in [storage]; did you mean \"batch_age_ms\"?"},
    {"[storage]\nsyncrhonous = \"off\"",
     "4:1: unknown key \"syncrhonous\" in [storage]; did you mean \"synchronous\"?"},
    {"[storage]\nzebra = 5",
     "4:1: unknown key \"zebra\" in [storage]; it has batch_rows_max, batch_age_ms, synchronous, repair"},
    {"[storage]\ndelay_min_ms = 5",
     "4:1: unknown key \"delay_min_ms\" in [storage]; it belongs in [supervisor.restart]"},
    {"[storage]\nlimits = { rows = 5 }",
     "4:1: unknown key \"limits\" in [storage]; it has batch_rows_max, batch_age_ms, synchronous, repair"},
    {"[storage]\n\"a\\nb\" = 5",
     "4:1: unknown key \"a\\u000ab\" in [storage]; it has batch_rows_max, batch_age_ms, synchronous, repair"},
    {"[storag]\nbatch_rows_max = 5", "3:1: unknown section [storag]; did you mean [storage]?"},
    {"[Comunication]", "3:1: unknown section [Comunication]; did you mean [communication]?"},
    {"[kafka]",
     "3:1: unknown section [kafka]; there are [instance], [supervisor.restart], [storage], [binance], "
     "[logger], [communication]"},
    {"[supervisor.restrat]", "3:1: unknown section [supervisor.restrat]; did you mean [supervisor.restart]?"},
    {"[storage.limits]\nrows = 5",
     "3:1: unknown section [storage.limits]; there are [instance], [supervisor.restart], [storage], "
     "[binance], [logger], [communication]"},
    {"[supervisor]\nwait = 5", "4:1: unknown key \"wait\" in [supervisor]"},
    {"[[storage]]", "3:1: [storage] must be a section, found [[storage]]; use single brackets, once"},
    // Values.
    {"[storage]\nbatch_rows_max = \"many\"",
     "4:18: [storage] batch_rows_max must be a whole number from 1 to 100000, found \"many\""},
    {"[storage]\nbatch_rows_max = \"500\"",
     "4:18: [storage] batch_rows_max must be a whole number from 1 to 100000, found \"500\"; write it "
     "without quotes"},
    {"[storage]\nbatch_rows_max = 0",
     "4:18: [storage] batch_rows_max must be a whole number from 1 to 100000, found 0"},
    {"[storage]\nbatch_rows_max = 100001",
     "4:18: [storage] batch_rows_max must be a whole number from 1 to 100000, found 100001"},
    {"[storage]\nbatch_rows_max = 10.0",
     "4:18: [storage] batch_rows_max must be a whole number from 1 to 100000, found 10.0"},
    {"[storage]\nbatch_rows_max = 2026-01-01",
     "4:18: [storage] batch_rows_max must be a whole number from 1 to 100000, found a date or time"},
    {"[storage.batch_rows_max]",
     "3:1: [storage] batch_rows_max must be a whole number from 1 to 100000, found a section"},
    {"[storage]\nbatch_age_ms = -7", "4:16: [storage] batch_age_ms must be a whole number of at least 1, found -7"},
    {"[storage]\nrepair = 1", "4:10: [storage] repair must be true or false, found 1"},
    {"[storage]\nrepair = \"true\"",
     "4:10: [storage] repair must be true or false, found \"true\"; write it without quotes"},
    {"[storage]\nsynchronous = \"norml\"",
     "4:15: [storage] synchronous must be one of \"off\", \"normal\", \"full\", found \"norml\"; did you "
     "mean "
     "\"normal\"?"},
    {"[storage]\nsynchronous = \"always\"",
     "4:15: [storage] synchronous must be one of \"off\", \"normal\", \"full\", found \"always\""},
    {"[storage]\nsynchronous = 1",
     "4:15: [storage] synchronous must be one of \"off\", \"normal\", \"full\", found 1; write it in quotes"},
    {"[storage]\nsynchronous = [\"off\"]",
     "4:15: [storage] synchronous must be one of \"off\", \"normal\", \"full\", found a list"},
    {"[supervisor.restart]\njitter = 1.5", "4:10: [supervisor.restart] jitter must be a number from 0 to 1, found 1.5"},
    {"[supervisor.restart]\njitter = nan", "4:10: [supervisor.restart] jitter must be a number from 0 to 1, found nan"},
    {"[instance]\nname = \"\"", "4:8: [instance] name must be a text of 1 to 8 characters, found \"\""},
    {"[instance]\nname = \"orderflow\"",
     "4:8: [instance] name must be a text of 1 to 8 characters, found \"orderflow\""},
    {"[instance]\nname = true",
     "4:8: [instance] name must be a text of 1 to 8 characters, found true; write it in quotes"},
    {"[instance]\nstate_dir = \"a\\u0000b\"",
     "4:13: [instance] state_dir must not contain a NUL character, found \"a\\u0000b\""},
    // Lists; the second line of `valid` is not used here.
    {"streams = \"trade\"",
     "3:11: [binance] streams must be a list of texts, each one of \"trade\", \"depth\", "
     "found \"trade\"; write [\"trade\"]"},
    {"streams = [\"trade\", 5]", "3:21: [binance] streams element 2 must be a text, found 5; write it in quotes"},
    {"streams = [\n  \"trade\",\n  \"dept\",\n]",
     "5:3: [binance] streams element 2 must be one of \"trade\", \"depth\", found \"dept\"; did you mean "
     "\"depth\"?"},
    {"streams = [\"trade\", \"trade\"]", "3:21: [binance] streams element 2 repeats \"trade\""},
    // Syntax: only the first is reported.
    {"[storage", "3:9: the section's name is not closed: ] is missing"},
    {"[storage\nrepair = true", "3:9: the section's name is not closed: ] is missing"},
    {"[]", "3:2: a section must have a name: [NAME]"},
    {"[storage] repair = true", "3:11: nothing but a comment may follow on this line"},
    {"[storage]\nrepair =", "4:9: the value after = is missing"},
    {"[storage]\nrepair = \nx", "4:10: the value after = is missing"},
    {"[storage]\nrepair", "4:7: a key must be followed by = and a value"},
    {"[storage]\nrepair: true", "4:7: a key must be followed by = and a value"},
    {"[storage]\nrepair = yes", "4:10: \"yes\" is not a TOML value; write true or false"},
    {"[storage]\nrepair = True  # of course", "4:10: \"True\" is not a TOML value; write true or false"},
    {"[storage]\nsynchronous = full",
     "4:15: \"full\" is not a TOML value; a text needs quotes: synchronous = \"full\""},
    {"[storage]\nbatch_age_ms = 5ms",
     "4:16: \"5ms\" is not a TOML value; a number stands alone, and a text needs quotes"},
    {"[storage]\nsynchronous = \u201cfull\u201d",
     "4:15: typographic quotes do not make a text; write straight ones: \""},
    {"[storage]\nsynchronous = \"full\nrepair = true",
     "4:20: a text may hold no line break or control character: is the closing \" missing?"},
    {"[storage]\nsynchronous = 'full\nrepair = true", "4:20: a text must end on its line: the closing ' is missing"},
    {"[storage]\nsynchronous = \"full", "4:20: the text is not closed: a quote is missing"},
    {"[storage]\nsynchronous = \"C:\\qdata\"",
     "4:19: unknown escape in a text in \"quotes\"; write \\\\ for a backslash, or use 'single quotes'"},
    {"[storage]\nbatch_age_ms = 99999999999999999999", "4:36: the number does not fit 64 bits"},
    {"[storage]\nrepair = true\nrepair = false", "5:1: \"repair\" in [storage] is given twice; first on line 4"},
    {"[logger]\nx = { y = 1, y = 2 }", "4:18: \"y\" is given twice"},
    {"[logger]\nx = 1\nx.y = 2",
     "5:1: not valid TOML: key-value pair: cannot redefine existing integer as dotted key-value pair"},
    {"[storage]\n[logger]\n[storage]", "5:1: section [storage] is given twice; first on line 3"},
    {"streams = [\"trade\" \"depth\"]", "3:20: the list needs a comma between elements, or its closing ]"},
    {"streams = [trade]", "3:14: this is not a TOML value; a text needs quotes"},
    {"streams = [\"trade\"", "3:19: the list is not closed: ] is missing"},
    {"[storage]\nsynchronous = \"\xff\"", "4:16: byte 0xff is not UTF-8; save the file as UTF-8"},
    {"# \xc3\xa9\xc3\xa9 \xed\xa0\x80", "3:6: byte 0xed is not UTF-8; save the file as UTF-8"},
};

}  // namespace

TEST_CASE("each mistake is named with its line, its column and what to do") {
    STATIC_REQUIRE(std::size(mistakes) >= 40);
    for (const auto& mistake : mistakes) {
        INFO(one_line(mistake.toml));
        CHECK(problems_of(valid + mistake.toml) == "of.toml:" + mistake.rendered + "\n");
    }
}
