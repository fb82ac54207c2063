// The audit file as ofctl reads it: whole lines, over its replacement, and only those that are asked for.
#include <filesystem>

#include "supervisor/ofctl/audit_reader.hpp"
#include "tests/unit/ofctl/support.hpp"

using namespace of;
using namespace of::test;

namespace {

using Lines = std::vector<std::string>;

std::string command_line(const std::string& time, const std::string& id, const std::string& request) {
    return fmt::format(R"({{"ts":"{}","correlation":"{}","uid":0,"pid":7,"program":"ofctl","request":"{}"}})", time, id,
                       request);
}
std::string answer_line(const std::string& time, const std::string& id) {
    return fmt::format(R"({{"ts":"{}","correlation":"{}","answer":"ok"}})", time, id);
}

void append(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::app) << text; }

/// A folder that goes at the end of the scope.
struct Folder {
    Folder() : path((std::filesystem::temp_directory_path() / "of-audit-XXXXXX").string()) {
        REQUIRE(mkdtemp(path.data()) != nullptr);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    std::string path;
};

}  // namespace

TEST_CASE("a line of the audit file is told when it is whole, once") {
    const Folder folder;
    const auto path = folder.path + "/audit.log";
    ofctl::AuditReader reader(path);
    REQUIRE(reader.take_new().empty());  // there is none yet
    append(path, "one\ntw");
    REQUIRE(reader.take_new() == Lines{"one"});
    REQUIRE(reader.take_new().empty());
    append(path, "o");
    REQUIRE(reader.take_new().empty());
    append(path, "\nthree\n");
    REQUIRE(reader.take_new() == Lines{"two", "three"});
}

TEST_CASE("the older audit file comes first, and nothing is lost when the file is replaced") {
    const Folder folder;
    const auto path = folder.path + "/audit.log";
    append(path + ".1", "one\n");
    append(path, "two\n");
    ofctl::AuditReader reader(path);
    REQUIRE(reader.take_new() == Lines{"one", "two"});
    append(path, "three\n");
    std::filesystem::rename(path, path + ".1");
    append(path, "four\n");
    REQUIRE(reader.take_new() == Lines{"three", "four"});
    append(path, "five\n");
    REQUIRE(reader.take_new() == Lines{"five"});
}

TEST_CASE("an answer is told with the time it was given, though its command is older") {
    ofctl::AuditFilter filter("2026-01-01T00:00:10", "storage");
    REQUIRE_FALSE(filter.takes(command_line("2026-01-01T00:00:05", "a", "restart storage")));
    REQUIRE(filter.takes(answer_line("2026-01-01T00:00:15", "a")));
    REQUIRE_FALSE(filter.takes(answer_line("2026-01-01T00:00:16", "a")));  // an ID is answered once
    REQUIRE_FALSE(filter.takes(command_line("2026-01-01T00:00:05", "b", "stop storage")));
    REQUIRE_FALSE(filter.takes(answer_line("2026-01-01T00:00:09", "b")));
}

TEST_CASE("of one worker only commands about it are told, and their answers") {
    ofctl::AuditFilter filter("", "storage");
    REQUIRE(filter.takes(command_line("t", "a", "restart storage a reason")));
    REQUIRE_FALSE(filter.takes(command_line("t", "b", "restart binance storage")));
    REQUIRE_FALSE(filter.takes(command_line("t", "c", "stop")));
    REQUIRE_FALSE(filter.takes(answer_line("t", "b")));
    REQUIRE(filter.takes(answer_line("t", "a")));
}

TEST_CASE("a quote in a reason does not make another request of it") {
    ofctl::AuditFilter filter("", "storage");
    REQUIRE(filter.takes(command_line("t", "a", R"(restart storage say \"no\")")));
    REQUIRE_FALSE(filter.takes(command_line("t", "b", R"(restart binance \"request\":\"restart storage\")")));
    REQUIRE_FALSE(filter.takes(answer_line("t", "b")));
}
