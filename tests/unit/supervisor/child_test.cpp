// Real processes: how they are started, what they hold, and how their end is told.
#include "supervisor/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <sstream>

using namespace of::supervisor;

namespace {

constexpr int patience_ms = 30'000;

/// Everything that a child wrote until it ended, and how it ended.
std::pair<std::string, Death> result_of(Child& child) {
    std::string text;
    std::array<char, 4096> part{};
    pollfd ready{.fd = child.errors(), .events = POLLIN, .revents = 0};
    while (poll(&ready, 1, patience_ms) == 1) {
        const auto bytes = read(child.errors(), part.data(), part.size());
        if (bytes <= 0) break;
        text.append(part.data(), static_cast<size_t>(bytes));
    }
    pollfd dead{.fd = child.pidfd(), .events = POLLIN, .revents = 0};
    REQUIRE(poll(&dead, 1, patience_ms) == 1);
    return {text, child.reap()};
}

SpawnSpec shell(const std::string& script, Resources resources = {}) {
    return {.path = "/bin/sh", .argv = {"-c", script}, .joins_output = true, .resources = std::move(resources)};
}

std::pair<std::string, Death> run(const SpawnSpec& spec) {
    Child child;
    REQUIRE(child.spawn(spec));
    return result_of(child);
}

}  // namespace

TEST_CASE("a child's end is told as it was") {
    CHECK(run(shell("exit 7")).second.describe() == "exit code 7");
    const auto killed = run(shell("kill -9 $$")).second;
    CHECK((killed.exit_code == -1 && killed.signal == SIGKILL && !killed.core));
    CHECK(run(shell("echo out; echo err >&2")).first == "out\nerr\n");
}

TEST_CASE("a child holds what it was given and nothing else") {
    const int given = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int kept = open("/dev/null", O_RDONLY);  // a library's, say, that forgot the flag
    auto spec = shell("for f in /proc/$$/fd/*; do echo ${f##*/}; done");
    spec.inherited = {given};
    const auto [text, death] = run(spec);
    std::istringstream numbers(text);
    std::vector<int> held;
    for (int number = 0; numbers >> number;) held.push_back(number);
    close(given);
    close(kept);
    CHECK(std::ranges::count(held, given) == 1);
    CHECK(std::ranges::count(held, kept) == 0);
}

TEST_CASE("a child has a group and a signal mask of its own") {
    // No shell: it has signals blocked now and then.
    const auto [text, death] = run({.path = "/bin/grep",
                                    .argv = {"-E", "^(Pid|NSpgid|SigBlk|SigIgn):", "/proc/self/status"},
                                    .joins_output = true});
    std::map<std::string, std::string> status;
    std::istringstream words(text);
    for (std::string label, value; words >> label >> value;) status[label] = value;
    CHECK(status["NSpgid:"] == status["Pid:"]);
    CHECK(status["SigBlk:"] == "0000000000000000");
    CHECK(status["SigIgn:"] == "0000000000000000");
}

TEST_CASE("what a child leaves in its group ends with it") {
    const auto [text, death] = run(shell("sleep 1000 >/dev/null 2>&1 & echo $!"));
    const int left = std::stoi(text);
    for (int tries = 0; tries < patience_ms && kill(left, 0) == 0; ++tries) {
        std::ostringstream name;
        name << "/proc/" << left << "/stat";
        poll(nullptr, 0, 1);
        if (access(name.str().c_str(), F_OK) != 0) break;
    }
    CHECK(access(("/proc/" + text.substr(0, text.size() - 1) + "/cmdline").c_str(), F_OK) != 0);
}

TEST_CASE("a program that cannot be executed says so and ends") {
    Child child;
    REQUIRE(child.spawn({.path = "/nowhere/program"}));
    const auto [text, death] = result_of(child);
    CHECK(death.exit_code != 0);
    CHECK(text.find("/nowhere/program") != std::string::npos);
}

TEST_CASE("a child is given its resources, or does not start") {
    Resources resources{.cpus = {0}, .nice = 3, .open_files = 100, .core_bytes = 0};
    const auto [text, death] = run(
        shell("ulimit -n; ulimit -c; cut -d' ' -f19 /proc/$$/stat; grep Cpus_allowed_list /proc/$$/status", resources));
    CHECK(text == "100\n0\n3\nCpus_allowed_list:\t0\n");
    const auto refused = run(shell("echo started", {.cpus = {1000}}));
    CHECK(refused.second.exit_code != 0);
    CHECK(refused.first.find("started") == std::string::npos);
    CHECK_FALSE(refused.first.empty());
}

TEST_CASE("lists of CPUs are read, and anything else is refused") {
    CHECK(parse_cpus("0,2-4") == std::vector<int>{0, 2, 3, 4});
    CHECK(parse_cpus("") == std::vector<int>{});
    for (const auto* wrong : {"a", "1-", "-1", "3-1", "1,,2", "1,", "99999999999999999999", "0-1000000"}) {
        INFO(wrong);
        CHECK_FALSE(parse_cpus(wrong));
    }
}
