// Lines of the log, and the limit of repeated ones.
#include "workers/logger/format.hpp"

#include <catch2/catch.hpp>

#include "workers/logger/repeat_limit.hpp"

namespace of::logger {
namespace {

template <typename Event, typename... Arguments>
LogRecord record_of(const Event& event, const Arguments&... arguments) {
    LogRecord record{};
    record.header = {.type = MessageType::log_record,
                     .origin = ProcessId{ProcessKind::storage, 0}.packed(),
                     .correlation = CorrelationId::make({ProcessKind::binance, 0}, 3, 0xa1b2c)};
    record.wall_ns = 1'795'453'501'123'456'789;
    event(record, arguments...);
    return record;
}

std::string line_of(LineFormat format, const LogRecord& record, uint64_t position = 42) {
    std::string line;
    append_line(line, format, record, position);
    return line;
}

}  // namespace

TEST_CASE("a text line has time, level, worker, sentence and correlation ID", "[logger]") {
    CHECK(line_of(LineFormat::text, record_of(log_event::store_failed, "/data", "disk full")) ==
          "2026-11-23T17:05:01.123456Z ERROR storage       store /data: disk full  [binance-3-00000a1b2c]\n");
}

TEST_CASE("a JSON line has the same, and the event's name", "[logger]") {
    CHECK(line_of(LineFormat::json, record_of(log_event::store_failed, "/data", "disk full")) ==
          R"({"ts":"2026-11-23T17:05:01.123456Z","level":"error","worker":"storage","event":"store_failed",)"
          R"("message":"store /data: disk full","correlation":"binance-3-00000a1b2c","position":42})"
          "\n");
}

TEST_CASE("what a text holds cannot break a line", "[logger]") {
    const auto record = record_of(log_event::store_failed, "a\nb", "say \"no\"\\\t\x01\xff\xc3\xa4");
    const auto line = line_of(LineFormat::text, record);
    CHECK(std::ranges::count(line, '\n') == 1);
    const auto json = line_of(LineFormat::json, record);
    CHECK(std::ranges::count(json, '\n') == 1);
    CHECK(json.find(R"(store a\u000ab: say \"no\"\\\u0009\u0001)"
                    "\xef\xbf\xbd\xc3\xa4") != std::string::npos);
}

TEST_CASE("a record of another version prints as unknown", "[logger]") {
    auto record = record_of(log_event::worker_stopped, "storage", uint64_t{1});
    record.id = 60'000;
    CHECK(line_of(LineFormat::text, record).find("unknown log record") != std::string::npos);
}

TEST_CASE("so many lines of a sentence a second, and then their number", "[logger]") {
    constexpr int64_t second = 1'000'000'000;
    RepeatLimit limit(3);
    int admitted = 0;
    for (int i = 0; i < 10; ++i) admitted += limit.admit(1, 7, second + i);
    CHECK(admitted == 3);
    CHECK(limit.admit(2, 7, second));  // another process
    CHECK(limit.admit(1, 8, second));  // another sentence
    CHECK(limit.take_omitted(second + 100).empty());
    const auto omitted = limit.take_omitted(2 * second + 1);
    REQUIRE(omitted.size() == 1);
    CHECK(omitted[0].origin == 1);
    CHECK(omitted[0].event == 7);
    CHECK(omitted[0].count == 7);
    CHECK(limit.take_omitted(9 * second).empty());
    CHECK(limit.admit(1, 7, 3 * second));
}

TEST_CASE("a limit of 0 is none", "[logger]") {
    RepeatLimit limit(0);
    for (int i = 0; i < 1'000; ++i) CHECK(limit.admit(1, 1, 0));
}

}  // namespace of::logger
