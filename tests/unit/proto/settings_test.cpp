#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "tests/unit/proto/settings_schema.hpp"

using namespace of::settings;
using namespace of::settings::test;

namespace {

/// A file in a folder of its own, removed at the end.
struct TemporaryFolder {
    std::string path = std::filesystem::temp_directory_path() / "settings_test.XXXXXX";
    TemporaryFolder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
    ~TemporaryFolder() { std::filesystem::remove_all(path); }
    std::string write(const std::string& name, const std::string& text) const {
        const auto file = path + "/" + name;
        std::ofstream(file, std::ios::binary) << text;
        return file;
    }
};

std::string load_problems(const std::string& path) {
    const auto loaded = load(path, sections, foreign);
    REQUIRE(loaded.sections.size() == std::size(sections));
    return render("F", loaded.problems);
}

}  // namespace

TEST_CASE("a valid file has no problem, and its values are those that it says") {
    const auto loaded = parse(
        "[instance]\nname = \"a\"\n[supervisor.restart]\njitter = 1\n[storage]\nbatch_rows_max = "
        "1_000\nrepair = "
        "false\nsynchronous = 'full'\n[binance]\nsymbols = [\"BTCUSDT\", \"ETHUSDT\"]\n[logger]\nlevel = 5\n",
        "of.toml", sections, foreign);
    REQUIRE(render("of.toml", loaded.problems).empty());
    REQUIRE(loaded["instance"].text("name") == "a");
    REQUIRE(loaded["instance"].text("state_dir") == "run");
    REQUIRE(loaded["supervisor.restart"].number("jitter") == 1.0);
    REQUIRE(loaded["supervisor.restart"].integer("delay_min_ms") == 50);
    REQUIRE(loaded["storage"].integer("batch_rows_max") == 1000);
    REQUIRE_FALSE(loaded["storage"].boolean("repair"));
    REQUIRE(loaded["storage"].text("synchronous") == "full");
    REQUIRE(loaded["binance"].text_list("symbols") == std::vector<std::string>{"BTCUSDT", "ETHUSDT"});
    REQUIRE(loaded["binance"].text_list("streams") == std::vector<std::string>{"trade"});
}

TEST_CASE("inline tables, dotted keys and a byte order mark are TOML too") {
    REQUIRE(problems_of("\xef\xbb\xbf"
                        "supervisor.restart.jitter = 0.5\nbinance = { symbols = [\"BTCUSDT\"] }\n")
                .empty());
    REQUIRE(problems_of("\xef\xbb\xbf"
                        "[binanc]\nsymbols = [\"BTCUSDT\"]\n")
                .find("of.toml:1:1: ") != std::string::npos);
}

TEST_CASE("a value that is refused is replaced by its fallback") {
    const auto loaded =
        parse(valid + "[storage]\nbatch_rows_max = 0\nsynchronous = 7\nrepair = 0\n", "of.toml", sections, foreign);
    REQUIRE(loaded.problems.size() == 3);
    REQUIRE(loaded["storage"].integer("batch_rows_max") == 1000);
    REQUIRE(loaded["storage"].text("synchronous") == "normal");
    REQUIRE(loaded["storage"].boolean("repair"));
}

TEST_CASE("every mistake is reported at once, in the order of the lines") {
    const auto text = problems_of(
        "[binance]\nsymbols = [\"btc\", 7]\n[storage]\nrepair = 1\nbatch_rows_max = 0\nzebra = 1\n[kafka]\n");
    REQUIRE(std::ranges::count(text, '\n') == 6);
    for (const auto* place :
         {"of.toml:2:12: ", "of.toml:2:19: ", "of.toml:4:10: ", "of.toml:5:18: ", "of.toml:6:1: ", "of.toml:7:1: "}) {
        INFO(one_line(text));
        REQUIRE(text.find(place) != std::string::npos);
    }
    std::vector<std::pair<uint32_t, uint32_t>> places;
    for (const auto& problem : parse(text, "", sections, foreign).problems)
        places.emplace_back(problem.line, problem.column);
    REQUIRE(std::ranges::is_sorted(places));
}

TEST_CASE("a required key that is missing is named at its section's line") {
    REQUIRE(problems_of("\n\n  [binance]\nstreams = []\n") ==
            "of.toml:3:3: [binance] must have \"symbols\", a list of 1 to 3 texts (pairs to follow)\n");
    REQUIRE(problems_of("") ==
            "of.toml: section [binance] is missing; it must have \"symbols\", a list of 1 to 3 texts (pairs to "
            "follow)\n");
}

TEST_CASE("a power of two, and a key that must reach another one") {
    static constexpr Key keys[] = {
        {.name = "slots",
         .kind = Kind::integer,
         .fallback = "256",
         .help = "of the ring",
         .min = 2,
         .power_of_two = true},
        {.name = "min_ms", .kind = Kind::integer, .fallback = "50", .help = "shortest"},
        {.name = "max_ms", .kind = Kind::integer, .fallback = "100", .help = "longest", .not_below = "min_ms"},
    };
    static constexpr Section ring[] = {{"ring", keys}};
    const auto problems = [](const char* text) { return render("F", parse(text, "F", ring, {}).problems); };
    CHECK(problems("[ring]\nslots = 512\nmin_ms = 60\nmax_ms = 60") == "");
    CHECK(problems("[ring]\nslots = 511") == "F:2:9: [ring] slots must be a power of two of at least 2, found 511\n");
    CHECK(problems("[ring]\nmax_ms = 49") == "F:2:10: [ring] max_ms must not be below min_ms, which is 50, found 49\n");
    CHECK(problems("[ring]\n\nmin_ms = 101") ==
          "F:3:10: [ring] max_ms must not be below min_ms, which is 101, found 100\n");
}

TEST_CASE("a list is refused for its length and for each wrong element") {
    REQUIRE(problems_of("[binance]\nsymbols = []\n") ==
            "of.toml:2:11: [binance] symbols must be a list of 1 to 3 texts, found 0\n");
    REQUIRE(problems_of("[binance]\nsymbols = [\"AAAAA\", \"BBBBB\", \"CCCCC\", \"ddddd\"]\n") ==
            "of.toml:2:11: [binance] symbols must be a list of 1 to 3 texts, found 4\n"
            "of.toml:2:39: [binance] symbols element 4 must be a pair in capitals, as BTCUSDT, found "
            "\"ddddd\"\n");
}

TEST_CASE("a key outside any section is told where it belongs") {
    REQUIRE(problems_of("repair = true\n" + valid) ==
            "of.toml:1:1: key \"repair\" stands outside any section; it belongs in [storage]\n");
    REQUIRE(problems_of("zebra = true\n" + valid) ==
            "of.toml:1:1: key \"zebra\" stands outside any section; put it under one of [instance], "
            "[supervisor.restart], [storage], [binance], [logger], [communication]\n");
    REQUIRE(problems_of("storage = 5\n" + valid) == "of.toml:1:11: [storage] must be a section, found 5\n");
}

TEST_CASE("what belongs to other programs is left to them") {
    REQUIRE(problems_of(valid + "[logger]\nanything = true\n[logger.more]\nx = 1\n").empty());
    const std::span<const Section> only_storage(&sections[2], 1);
    REQUIRE(parse("zebra = 1\n[anything]\nx = 1\n[storag]\n", "", only_storage, everything_else).problems.empty());
    REQUIRE(parse("[storage]\nx = 1\n", "", only_storage, everything_else).problems.size() == 1);
}

TEST_CASE("a file with more mistakes than anyone reads ends with their number") {
    std::string toml = valid + "[storage]\n";
    for (int i = 0; i < 1000; ++i) toml += "key" + std::to_string(i) + " = 1\n";
    const auto problems = parse(toml, "", sections, foreign).problems;
    REQUIRE(problems.size() == 101);
    REQUIRE(problems.back().message == "and 900 more problems");
}

TEST_CASE("keys and lists too deep for the stack are refused") {
    std::string deep_key = "a";
    for (int i = 0; i < 500'000; ++i) deep_key += ".a";
    REQUIRE(problems_of("[" + deep_key + "]") ==
            "of.toml:1:1: more than 100 dots on one line; keys are not nested so deep\n");
    REQUIRE(problems_of("a = " + std::string(500'000, '[')).find(": lists are nested too deep\n") != std::string::npos);
}

TEST_CASE("long and unprintable texts are shortened and escaped in messages") {
    const auto text = problems_of(valid + "[storage]\nsynchronous = \"\\t\\u001b[31m" + std::string(100, 'x') + "\"\n");
    REQUIRE(text.find('\x1b') == std::string::npos);
    REQUIRE(text.find("\\u001b[31mxxx") != std::string::npos);
    REQUIRE(text.size() < 200);
    std::string umlauts;
    for (int i = 0; i < 100; ++i) umlauts += "\u00e4";
    REQUIRE(problems_of(valid + "[storage]\nsynchronous = \"x" + umlauts + "\"\n").find("\u00e4...\"") !=
            std::string::npos);
}

TEST_CASE("a file that cannot be read says why") {
    const TemporaryFolder folder;
    REQUIRE(load_problems(folder.path + "/none.toml") == "F: cannot read the file: No such file or directory\n");
    REQUIRE(load_problems(folder.path) == "F: cannot read the file: it is a directory\n");
    REQUIRE(load_problems(folder.write("f", valid) + "/x") == "F: cannot read the file: Not a directory\n");
    REQUIRE(mkfifo((folder.path + "/fifo").c_str(), 0600) == 0);
    REQUIRE(load_problems(folder.path + "/fifo") == "F: cannot read the file: it is not a regular file\n");
    REQUIRE(load_problems(folder.write("utf16", std::string("\xff\xfe[\0b\0", 6))) ==
            "F:1:1: the file is in UTF-16; save it as UTF-8\n");
    REQUIRE(load_problems(folder.write("nul", std::string("a=1\n\0", 5))) ==
            "F:2:1: the file holds a NUL byte; it must be plain text\n");
    REQUIRE(load_problems(folder.write("good", valid)).empty());
    if (geteuid() == 0) return;  // root reads everything
    const auto closed = folder.write("closed", valid);
    REQUIRE(chmod(closed.c_str(), 0) == 0);
    REQUIRE(load_problems(closed) == "F: cannot read the file: Permission denied\n");
}

TEST_CASE("a file of one mebibyte is read, and one byte more is not") {
    const TemporaryFolder folder;
    const size_t mebibyte = 1 << 20;
    const auto padded = [&](size_t bytes) { return valid + "#" + std::string(bytes - valid.size() - 1, ' '); };
    REQUIRE(load_problems(folder.write("full", padded(mebibyte))).empty());
    REQUIRE(load_problems(folder.write("over", padded(mebibyte + 1))) ==
            "F: cannot read the file: it is larger than 1 MiB (1048576 bytes)\n");
}

TEST_CASE("a suggestion is near, and a short word has few neighbours") {
    constexpr std::string_view words[] = {"sleep", "yield", "spin", "batch_rows_max", "on"};
    REQUIRE(suggest("slep", words) == "sleep");
    REQUIRE(suggest("yeild", words) == "yield");
    REQUIRE(suggest("SPIN", words) == "spin");
    REQUIRE(suggest("batch-row-mx", words) == "batch_rows_max");
    REQUIRE(suggest("batchrowsmax", words) == "batch_rows_max");
    REQUIRE(suggest("spit", words) == "spin");
    REQUIRE(suggest("xy", words).empty());
    REQUIRE(suggest("banana", words).empty());
    REQUIRE(suggest("", words).empty());
    REQUIRE(suggest("sleep", {}).empty());
}

TEST_CASE("a section describes itself within a hundred columns") {
    constexpr Key keys[] = {
        {.name = "a_key_with_a_name_that_is_long_enough_for_a_line",
         .fallback = R"("a fallback that is long as well")",
         .help = "a help sentence that goes on and on until it needs a second line and then somewhat more of it"},
        {.name = "batch_rows_max", .kind = Kind::integer, .fallback = "1000", .help = "rows", .min = 1, .max = 9},
        {.name = "symbols", .kind = Kind::text_list, .help = "pairs", .required = true},
    };
    const auto text = describe({"storage", keys});
    REQUIRE(text.starts_with("[storage]\n  a_key"));
    REQUIRE(text.find("rows; a whole number from 1 to 9\n") != std::string::npos);
    REQUIRE(text.find("  symbols (required) ") != std::string::npos);
    REQUIRE(text.ends_with("pairs; a list of texts\n"));
    for (size_t from = 0; from < text.size();) {
        const auto end = text.find('\n', from);
        INFO(text.substr(from, end - from));
        REQUIRE(end - from <= 100);
        from = end + 1;
    }
}

TEST_CASE("a character outside ASCII where none may stand is a mistake like any other") {
    // The first of a block of Unicode that has white space, one that is white space, letters, the last of all.
    for (const std::string character :
         {"\u00a1", "\u00a0", "\u00e9", "\u1681", "\u2010", "\u3001", "\ufefe", "\U0010ffff"})
        for (const auto& line : {character, character + " = 1", "a" + character + " = 1", "a = " + character}) {
            INFO(line);
            CHECK(problems_of(line + "\n") != "");
        }
}

TEST_CASE("no damage to a file makes the reader throw or lose a section") {
    const std::string original =
        "# \u00e9\n[instance]\nname = \"a\"\n[supervisor.restart]\njitter = 0.5 # "
        "share\n[storage]\nbatch_rows_max = "
        "5\nsynchronous = 'full'\n[binance]\nsymbols = [\"BTCUSDT\",\n \"ETHUSDT\"]\n[logger]\nx = {y = 1}\n";
    const auto seed = std::random_device{}();
    std::mt19937 random(seed);
    std::string damaged;
    constexpr std::string_view bytes = "[]{}\"'=.#\n\\ \t,0aZ\xc3\xa9\xff\x00-+_:T";
    for (int round = 0; round < 5000; ++round) {
        auto toml = original;
        for (auto edits = 1 + random() % 4; edits > 0; --edits) {
            const auto at = random() % toml.size();
            const auto byte = bytes[random() % bytes.size()];
            switch (random() % 3) {
                case 0:
                    toml[at] = byte;
                    break;
                case 1:
                    toml.insert(at, 1, byte);
                    break;
                default:
                    toml.erase(at, 1 + random() % 3);
            }
        }
        const auto loaded = parse(toml, "of.toml", sections, foreign);
        const bool complete =
            loaded.sections.size() == std::size(sections) && loaded["storage"].integer("batch_rows_max") >= 1;
        const bool worded =
            std::ranges::none_of(loaded.problems, [](const auto& problem) { return problem.message.empty(); });
        if (!complete || !worded) damaged = one_line(toml);
    }
    INFO("seed " << seed);
    REQUIRE(damaged == "");
}
