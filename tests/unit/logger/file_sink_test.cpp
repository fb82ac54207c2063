// The log file: appending, rotation, what a killed predecessor left, and a disk that refuses.
#include "workers/logger/file_sink.hpp"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace of::logger {
namespace {

struct Folder {
    Folder() {
        auto pattern = (std::filesystem::temp_directory_path() / "of-logger-XXXXXX").string();
        path = mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    std::string content(const std::string& name = "orderflow.log") const {
        std::ifstream file(path + "/" + name);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    bool has(const std::string& name) const { return std::filesystem::exists(path + "/" + name); }
    std::string path;
};

}  // namespace

TEST_CASE("lines are appended to what is there", "[logger]") {
    Folder folder;
    for (const auto* line : {"one\n", "two\n"}) {
        FileSink sink({.folder = folder.path});
        REQUIRE(sink.open());
        REQUIRE(sink.append(line));
    }
    CHECK(folder.content() == "one\ntwo\n");
}

TEST_CASE("the unfinished line of a killed predecessor is ended", "[logger]") {
    Folder folder;
    std::ofstream(folder.path + "/orderflow.log") << "whole\nhal";
    FileSink sink({.folder = folder.path});
    REQUIRE(sink.open());
    REQUIRE(sink.append("next\n"));
    CHECK(folder.content() == "whole\nhal\nnext\n");
}

TEST_CASE("a full file makes way for a new one, and the oldest goes", "[logger]") {
    Folder folder;
    FileSink sink({.folder = folder.path, .rotate_bytes = 10, .keep_files = 2});
    REQUIRE(sink.open());
    for (const auto* line : {"11111111\n", "22222222\n", "33333333\n", "44444444\n"}) REQUIRE(sink.append(line));
    CHECK(sink.rotated());
    CHECK_FALSE(sink.rotated());
    CHECK(folder.content() == "44444444\n");
    CHECK(folder.content("orderflow.log.1") == "33333333\n");
    CHECK(folder.content("orderflow.log.2") == "22222222\n");
    CHECK_FALSE(folder.has("orderflow.log.3"));
}

TEST_CASE("without kept files a full file begins anew", "[logger]") {
    Folder folder;
    FileSink sink({.folder = folder.path, .rotate_bytes = 10, .keep_files = 0});
    REQUIRE(sink.open());
    REQUIRE(sink.append("11111111\n"));
    REQUIRE(sink.append("22222222\n"));
    CHECK(folder.content() == "22222222\n");
    CHECK_FALSE(folder.has("orderflow.log.1"));
}

TEST_CASE("a batch longer than a file is written whole", "[logger]") {
    Folder folder;
    FileSink sink({.folder = folder.path, .rotate_bytes = 10, .keep_files = 1});
    REQUIRE(sink.open());
    REQUIRE(sink.append("a batch that is longer than ten bytes\n"));
    CHECK(folder.content() == "a batch that is longer than ten bytes\n");
}

TEST_CASE("a disk that takes a part of a batch gets it whole later, once", "[logger]") {
    Folder folder;
    FileSink sink({.folder = folder.path});
    REQUIRE(sink.open());
    REQUIRE(sink.append("first\n"));
    const auto before = signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    const rlimit tight{10, limit.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
    const auto refused = sink.append("second, longer than there is room\n");
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    signal(SIGXFSZ, before);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::no_space);
    CHECK(folder.content() == "first\n");
    REQUIRE(sink.append("second, longer than there is room\n"));
    CHECK(folder.content() == "first\nsecond, longer than there is room\n");
}

TEST_CASE("a rotation that cannot make its new file goes on later and loses no old one", "[logger]") {
    Folder folder;
    FileSink sink({.folder = folder.path, .rotate_bytes = 10, .keep_files = 3});
    REQUIRE(sink.open());
    REQUIRE(sink.append("11111111\n"));
    rlimit limit{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlimit none{0, limit.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto first = sink.append("22222222\n");
    const auto second = sink.append("22222222\n");
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK_FALSE(first);
    CHECK_FALSE(second);
    REQUIRE(sink.append("22222222\n"));
    CHECK(folder.content() == "22222222\n");
    CHECK(folder.content("orderflow.log.1") == "11111111\n");
    CHECK_FALSE(folder.has("orderflow.log.2"));
}

TEST_CASE("a folder that is not there is a sentence", "[logger]") {
    FileSink sink({.folder = "/proc/none"});
    const auto opened = sink.open();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().kind == ErrorKind::denied);
    CHECK(opened.error().message.starts_with("log file /proc/none/orderflow.log cannot be opened: "));
}

}  // namespace of::logger
