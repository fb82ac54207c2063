// The logger worker as a process of its own: merging, laps, SIGKILL, the last word of others.
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <regex>
#include <set>

#include "tests/support/instance.hpp"

namespace of::logger {

using of::test::binance_id;
using of::test::communication_id;
using of::test::Instance;
using of::test::logger_id;
using of::test::storage_id;
using of::test::wait_until;

namespace {

std::string logger_program() { return of::test::program("workers/logger/of-logger"); }

std::vector<std::string> lines_of(const Instance& instance) {
    std::ifstream file(instance.log_dir() + "/orderflow.log");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}
size_t lines_with(const Instance& instance, const std::string& text) {
    const auto lines = lines_of(instance);
    return static_cast<size_t>(
        std::ranges::count_if(lines, [&](const auto& line) { return line.find(text) != std::string::npos; }));
}
/// A numbered line: "stop requested: number 17;".
void say(Log& log, uint64_t number) {
    log.write(log_event::stop_requested, {}, "number " + std::to_string(number) + ";");
}

std::vector<uint64_t> numbers_in(const Instance& instance) {
    std::vector<uint64_t> numbers;
    for (const auto& line : lines_of(instance)) {
        const auto at = line.find("number ");
        if (at != std::string::npos) numbers.push_back(std::strtoull(line.c_str() + at + 7, nullptr, 10));
    }
    return numbers;
}

}  // namespace

TEST_CASE("records of all processes are written in the order of their time", "[logger][process]") {
    Instance instance;
    instance.write_config("[logger]\nrepeats_per_second = 0\n");
    auto logger = instance.start_and_wait(logger_id, logger_program());
    auto binance = instance.log(binance_id);
    auto storage = instance.log(storage_id);
    auto communication = instance.log(communication_id);
    Log* logs[] = {&binance, &storage, &communication};
    for (uint64_t i = 0; i < 600; ++i) say(*logs[i * 7 % 3], i);
    instance.drain(logger_id);
    CHECK(logger.wait() == 0);
    const auto numbers = numbers_in(instance);
    REQUIRE(numbers.size() == 600);
    for (uint64_t i = 0; i < 600; ++i) REQUIRE(numbers[i] == i);
    CHECK(lines_with(instance, "logger is ready") == 1);
    CHECK(instance.metric(logger_id, "records_lost_total") == 0);
    CHECK(instance.metric(logger_id, "records_written_total") >= 600);
}

TEST_CASE("records below the level are not written", "[logger][process]") {
    Instance instance;
    instance.write_config("[logger]\nlevel = \"warn\"\n");
    auto logger = instance.start_and_wait(logger_id, logger_program());
    auto log = instance.log(binance_id);
    log.write(log_event::stop_requested, {}, "an info");
    log.write(log_event::line_server_shutdown, {});
    instance.drain(logger_id);
    CHECK(logger.wait() == 0);
    CHECK(lines_with(instance, "an info") == 0);
    CHECK(lines_with(instance, "announced a shutdown") == 1);
}

TEST_CASE("every line of the JSON format is an object with the same keys", "[logger][process]") {
    Instance instance;
    instance.write_config("[logger]\nformat = \"json\"\n");
    auto logger = instance.start_and_wait(logger_id, logger_program());
    auto log = instance.log(binance_id);
    log.write(log_event::stop_requested, CorrelationId::make(binance_id, 1, 5), "a \"quoted\" word");
    instance.drain(logger_id);
    CHECK(logger.wait() == 0);
    const std::regex object(
        R"(\{"ts":"[0-9T:.Z-]+","level":"\w+","worker":"[\w.]+","event":"\w+","message":".*","correlation":"[\w.-]+","position":\d+\})");
    const auto lines = lines_of(instance);
    CHECK(lines.size() >= 3);
    for (const auto& line : lines) {
        INFO(line);
        CHECK(std::regex_match(line, object));
    }
    CHECK(lines_with(instance,
                     R"("message":"stop requested: a \"quoted\" word","correlation":"binance-1-0000000005")") == 1);
}

TEST_CASE("a logger that was away too long says how many records are lost, at their place", "[logger][process]") {
    Instance instance;
    instance.write_config("[logger]\nrepeats_per_second = 0\n");
    auto log = instance.log(binance_id);
    constexpr uint64_t said = 3'000;  // the ring holds 1,024
    for (uint64_t i = 0; i < 10; ++i) say(log, i);
    {
        auto logger = instance.start_and_wait(logger_id, logger_program());
        REQUIRE(wait_until([&] { return numbers_in(instance).size() == 10; }));
        REQUIRE(wait_until(
            [&] { return shm::find_cursor(instance.slot(logger_id), "log.binance")->position.load() == 10; }));
        logger.kill();
    }
    for (uint64_t i = 10; i < said; ++i) say(log, i);
    auto logger = instance.start_and_wait(logger_id, logger_program());
    REQUIRE(wait_until([&] { return !numbers_in(instance).empty() && numbers_in(instance).back() == said - 1; }));
    instance.drain(logger_id);
    CHECK(logger.wait() == 0);
    const auto numbers = numbers_in(instance);
    const auto lost = instance.metric(logger_id, "records_lost_total");
    CHECK(lost > 0);
    CHECK(numbers.size() + static_cast<uint64_t>(lost) == said);
    const auto lines = lines_of(instance);
    const auto gap = std::ranges::find_if(lines, [&](const auto& line) {
        return line.find("lost " + std::to_string(lost) + " records of log.binance") != std::string::npos;
    });
    REQUIRE(gap != lines.end());
    REQUIRE(gap + 1 != lines.end());
    CHECK((gap + 1)->find("number " + std::to_string(10 + lost) + ";") != std::string::npos);
}

TEST_CASE("a killed logger loses no record", "[logger][process]") {
    Instance instance({.log_slots = 32'768});
    instance.write_config("[logger]\nrepeats_per_second = 0\n");
    auto log = instance.log(binance_id);
    uint64_t said = 0;
    for (int round = 0; round < 5; ++round) {
        auto logger = instance.start_and_wait(logger_id, logger_program());
        const auto* cursor = shm::find_cursor(instance.slot(logger_id), "log.binance");
        const auto target = cursor->position.load() + 300;
        REQUIRE(wait_until([&] {
            for (int i = 0; i < 5; ++i) say(log, said++);
            return cursor->position.load() >= target;
        }));
        logger.kill();
    }
    auto logger = instance.start_and_wait(logger_id, logger_program());
    instance.drain(logger_id);
    CHECK(logger.wait() == 0);
    const auto numbers = numbers_in(instance);
    const std::set<uint64_t> different(numbers.begin(), numbers.end());
    CHECK(different.size() == said);
    CHECK(*different.rbegin() == said - 1);
}

TEST_CASE("a sentence that repeats is written so many times, then counted", "[logger][process]") {
    Instance instance;
    instance.write_config("[logger]\nrepeats_per_second = 5\n");
    auto logger = instance.start_and_wait(logger_id, logger_program());
    auto log = instance.log(binance_id);
    for (uint64_t i = 0; i < 200; ++i) say(log, i);
    REQUIRE(wait_until([&] { return lines_with(instance, "more times than is written") != 0; }));
    instance.drain(logger_id);
    CHECK(logger.wait() == 0);
    const auto written = numbers_in(instance).size();
    CHECK(written >= 5);
    CHECK(written <= 10);  // the burst may straddle two windows
    CHECK(instance.metric(logger_id, "records_omitted_total") == static_cast<int64_t>(200 - written));
}

TEST_CASE("a full disk delays lines and loses none", "[logger][process]") {
    Instance instance({.log_slots = 8'192});
    instance.write_config("[logger]\nrepeats_per_second = 0\n");
    const auto before = signal(SIGXFSZ, SIG_IGN);  // inherited: the limit is an error of write(2), as on a full disk
    auto logger = instance.start_and_wait(logger_id, logger_program());
    signal(SIGXFSZ, before);
    rlimit limit{};
    REQUIRE(prlimit(logger.pid(), RLIMIT_FSIZE, nullptr, &limit) == 0);
    const rlimit tight{16'384, limit.rlim_max};
    REQUIRE(prlimit(logger.pid(), RLIMIT_FSIZE, &tight, nullptr) == 0);
    auto log = instance.log(binance_id);
    for (uint64_t i = 0; i < 1'000; ++i) say(log, i);
    REQUIRE(wait_until([&] { return instance.metric(logger_id, "write_failures_total") > 1; }));
    REQUIRE(prlimit(logger.pid(), RLIMIT_FSIZE, &limit, nullptr) == 0);
    REQUIRE(wait_until([&] { return numbers_in(instance).size() >= 1'000; }));
    instance.drain(logger_id);
    CHECK(logger.wait() == 0);
    const auto numbers = numbers_in(instance);
    REQUIRE(numbers.size() == 1'000);
    for (uint64_t i = 0; i < 1'000; ++i) REQUIRE(numbers[i] == i);
    CHECK(instance.metric(logger_id, "records_lost_total") == 0);
}

TEST_CASE("what was left out is told before the logger goes", "[logger][process]") {
    Instance instance;
    instance.write_config("[logger]\nrepeats_per_second = 5\n");
    auto logger = instance.start_and_wait(logger_id, logger_program());
    auto log = instance.log(binance_id);
    for (uint64_t i = 0; i < 50; ++i) say(log, i);
    instance.drain(logger_id);
    CHECK(logger.wait() == 0);
    const auto omitted = 50 - numbers_in(instance).size();
    CHECK(omitted > 0);
    CHECK(lines_with(instance, "binance said stop_requested " + std::to_string(omitted) + " more times") == 1);
}

TEST_CASE("the logger is the last to leave when all is stopping", "[logger][process]") {
    Instance instance;
    instance.write_config("");
    instance.stand_in(binance_id);
    instance.control().instance.stopping.store(1);
    auto logger = instance.start_and_wait(logger_id, logger_program());
    auto log = instance.log(binance_id);
    instance.drain(logger_id);
    REQUIRE(wait_until([&] { return instance.state(logger_id) == WorkerState::draining; }));
    say(log, 1);
    REQUIRE(wait_until([&] { return numbers_in(instance).size() == 1; }));
    CHECK_FALSE(logger.ended());
    say(log, 2);
    instance.stand_out(binance_id);
    CHECK(logger.wait() == 0);
    CHECK(numbers_in(instance).size() == 2);
}

TEST_CASE("a logger without its directory says so and ends with code 10", "[logger][process]") {
    Instance instance;
    instance.write_config("");
    auto logger = instance.start(logger_id, logger_program(), {"--log-dir", "/proc/none"});
    CHECK(logger.wait() == code(ExitCode::no_resources));
    CHECK(logger.output().starts_with("of-logger: log file /proc/none/orderflow.log cannot be opened: "));
}

}  // namespace of::logger
