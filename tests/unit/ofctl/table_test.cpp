// The table of verbs, and what is made from it.
#include <catch2/catch.hpp>
#include <set>

#include "supervisor/ofctl/command_line.hpp"
#include "supervisor/ofctl/help_text.hpp"
#include "supervisor/ofctl/man_page.hpp"
#include "tests/unit/ofctl/support.hpp"

namespace of::ofctl {
namespace {

std::string page() {
    std::ifstream file(std::getenv("OF_OFCTL_PAGE"));
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("each verb has a line, a text, an example, and a name of its own") {
    std::set<std::string> names;
    for (const auto* verb : all_verbs()) {
        INFO(verb->name);
        CHECK(names.insert(verb->name).second);
        CHECK(std::string_view(verb->help).size() > 8);
        CHECK(std::string_view(verb->help).size() < 76);
        CHECK(std::string_view(verb->text).size() > 10);
        REQUIRE(verb->examples.size() > 0);
        for (const auto& example : verb->examples)
            CHECK(std::string_view(example.command).find(verb->name) != std::string_view::npos);
    }
    REQUIRE(names.size() > 25);
}

TEST_CASE("no option of a verb is spelt as another or as one of every verb") {
    for (const auto* verb : all_verbs()) {
        std::set<std::string_view> spellings;
        auto rows = rows_of(*verb);
        for (const auto& row : everywhere()) rows.push_back(&row);
        for (const auto* row : rows) {
            INFO(verb->name << " " << row->names);
            CHECK(spellings.insert(row->long_name()).second);
            const std::string_view all(row->names);
            if (all.find(',') == 2) CHECK(spellings.insert(all.substr(0, 2)).second);
            CHECK(std::string_view(row->help).size() > 3);
            CHECK((row->flag() || row->positional() || *row->value != 0));
        }
    }
}

TEST_CASE("OFCTL.md has each verb and each of its options") {
    const auto text = page();
    for (const auto* verb : all_verbs()) {
        if (verb->hidden) continue;
        INFO(verb->name);
        CHECK(text.find(std::string("`") + verb->name) != std::string::npos);
        for (const auto* row : rows_of(*verb)) {
            INFO(row->names);
            const std::string_view names(row->names);
            const auto is_short = names.find(',') == 2 && text.find(names.substr(0, 2)) != std::string::npos;
            CHECK((row->positional() || is_short || text.find(row->long_name()) != std::string::npos));
        }
    }
}

TEST_CASE("OFCTL.md has each exit code") {
    const auto text = page();
    for (const auto& row : exit_rows())
        CHECK(text.find("\n| " + std::to_string(code(row.exit_code)) + " |") != std::string::npos);
}

TEST_CASE("the help of each verb fits 80 columns and names its options and exit codes") {
    for (const auto* verb : all_verbs()) {
        INFO(verb->name);
        const auto text = help_of(*verb);
        const auto prose = text.substr(0, text.find("\nExamples:"));
        CHECK(test::widest_line(prose) <= 80);
        for (const auto* row : rows_of(*verb)) CHECK(text.find(spelling_of(*row)) != std::string::npos);
        CHECK(text.find("\n  70 ") != std::string::npos);
    }
    CHECK(test::widest_line(overview("")) <= 80);
}

TEST_CASE("a man page has all sections, and no line of prose is taken for a command") {
    for (const auto* verb : all_verbs()) {
        const auto text = man_page_of(*verb);
        INFO(text);
        for (const auto* section : {"NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "SEE ALSO"})
            CHECK(text.find(std::string(".Sh ") + section + "\n") != std::string::npos);
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) CHECK((line.empty() || line[0] != '\''));
    }
}

TEST_CASE("options of every verb may stand before, between and behind the words of a verb") {
    const auto found = find_verb_in({"--instance", "x", "shm", "-o", "json", "ls", "--no-headers"});
    REQUIRE(found.verb == find_verb("shm ls"));
    REQUIRE(found.rest == std::vector<std::string>{"--instance", "x", "-o", "json", "--no-headers"});
    CHECK(find_verb_in({"--instance=x", "status"}).verb == find_verb("status"));
    CHECK(find_verb_in({"shm", "nothing"}).unknown == "nothing");
    CHECK(find_verb_in({"nothing", "shm"}).verb == nullptr);
    CHECK(find_verb_in({"shm"}).group == "shm");
}

TEST_CASE("an exception that nobody caught ends with 70") {
    CHECK(guarded([]() -> int { throw std::runtime_error("a fault"); }) == code(ExitCode::internal));
    CHECK(guarded([] { return 4; }) == 4);
}

}  // namespace
}  // namespace of::ofctl
