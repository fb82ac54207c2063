#include "tests/exchange/fault.hpp"

#include <catch2/catch.hpp>

using namespace of::exchange;

namespace {

FaultSpec spec(std::string_view text) {
    const auto parsed = parse_fault(text);
    INFO(text);
    REQUIRE(parsed.has_value());
    return *parsed;
}

/// What a plan of one fault does to so many frames of a stream, one a millisecond: "....d" with a letter for
/// each strike.
std::string strikes(std::string_view fault, int frames, std::string_view stream = "btcusdt@trade") {
    FaultPlan plan;
    plan.add(spec(fault), 0);
    std::string out;
    for (int at_ms = 0; at_ms < frames; ++at_ms) {
        out += ".durm"[static_cast<size_t>(plan.on_frame(stream, at_ms))];
    }
    return out;
}

}  // namespace

TEST_CASE("a fault strikes once, after the frames it lets pass, or so often in a row") {
    REQUIRE(strikes("drop", 4) == "d...");
    REQUIRE(strikes("drop:after=2", 5) == "..d..");
    REQUIRE(strikes("duplicate:after=1:count=3", 6) == ".uuu..");
    REQUIRE(strikes("reorder:count=0", 4) == "rrrr");
    REQUIRE(strikes("malformed:count=2", 3) == "mm.");
}

TEST_CASE("a fault with a period strikes at most once in it, without end unless counted") {
    REQUIRE(strikes("drop:every_ms=3", 10) == "...d..d..d");
    REQUIRE(strikes("drop:every_ms=3:count=2", 12) == "...d..d.....");
}

TEST_CASE("a fault strikes its own stream only") {
    REQUIRE(strikes("drop:stream=ethusdt@trade:count=0", 3) == "...");
    REQUIRE(strikes("drop:stream=btcusdt@trade:count=0", 3) == "ddd");
}

TEST_CASE("one frame suffers one fault, and the other one waits") {
    FaultPlan plan;
    plan.add(spec("drop"), 0);
    plan.add(spec("duplicate"), 0);
    REQUIRE(plan.on_frame("a@trade", 0) == FrameAction::drop);
    REQUIRE(plan.on_frame("a@trade", 0) == FrameAction::duplicate);
    REQUIRE(plan.on_frame("a@trade", 0) == FrameAction::pass);
    REQUIRE(plan.struck().at("drop") == 1);
    REQUIRE(plan.struck().at("duplicate") == 1);
    plan.clear();
    REQUIRE(plan.print_json() == "[]");
    REQUIRE(plan.struck().at("drop") == 1);
}

TEST_CASE("an event needs no frame of its own") {
    FaultPlan plan;
    plan.add(spec("cut"), 0);
    const auto event = plan.next_event(0);
    REQUIRE(event.has_value());
    REQUIRE(event->kind == FaultKind::cut);
    REQUIRE_FALSE(plan.next_event(1'000'000).has_value());
}

TEST_CASE("an event waits for its frames, and its repetition for the next one") {
    FaultPlan plan;
    plan.add(spec("stall:after=2:count=2:ms=70"), 0);
    REQUIRE_FALSE(plan.next_event(0).has_value());
    plan.on_frame("x@trade", 0);
    plan.on_frame("x@trade", 0);
    REQUIRE(plan.next_event(0)->ms == 70);
    REQUIRE_FALSE(plan.next_event(0).has_value());
    plan.on_frame("x@trade", 0);
    REQUIRE(plan.next_event(0).has_value());
    plan.on_frame("x@trade", 0);
    REQUIRE_FALSE(plan.next_event(0).has_value());
}

TEST_CASE("an event with a period comes by the clock alone") {
    FaultPlan plan;
    plan.add(spec("cut:every_ms=100"), 1000);
    REQUIRE_FALSE(plan.next_event(1099).has_value());
    REQUIRE(plan.next_event(1100).has_value());
    REQUIRE_FALSE(plan.next_event(1150).has_value());
    REQUIRE(plan.next_event(1200).has_value());
}

TEST_CASE("REST faults strike their path, and late snapshots only depth") {
    FaultPlan plan;
    plan.add(spec("rest_status:path=/api/v3/time:status=418:retry_after=9"), 0);
    plan.add(spec("late_snapshot"), 0);
    REQUIRE_FALSE(plan.on_request("/api/v3/ping", 0).has_value());
    const auto banned = plan.on_request("/api/v3/time", 0);
    REQUIRE(banned->status == 418);
    REQUIRE(banned->retry_after == 9);
    REQUIRE_FALSE(plan.on_request("/api/v3/time", 0).has_value());
    REQUIRE(plan.on_request("/api/v3/depth", 0)->kind == FaultKind::late_snapshot);
    REQUIRE(plan.on_frame("x@trade", 0) == FrameAction::pass);
}

TEST_CASE("both written forms of a fault say the same") {
    const auto text = spec("drop:stream=btcusdt@depth@100ms:count=4:after=5:every_ms=6");
    const auto json =
        parse_fault_json(R"({"kind":"drop","stream":"btcusdt@depth@100ms","count":4,"after":5,"every_ms":6})");
    REQUIRE(json.has_value());
    REQUIRE(print_fault_json(*json, 0, 0) == print_fault_json(text, 0, 0));
    REQUIRE(parse_fault_json(print_fault_json(text, 0, 0)).has_value() == false);  // "matched" is no key of a fault
}

TEST_CASE("each bad fault gets one sentence") {
    for (const std::string_view text : {"", "explode", "drop:count", "drop:count=", "drop:count=-1", "drop:count=1x",
                                        "drop:when=1", "drop:stream=", "drop:path=/x", "late_snapshot:stream=x",
                                        "rest_status:status=99", "rest_status:status=600", "stall:ms=99999999999"}) {
        INFO(text);
        const auto parsed = parse_fault(text);
        REQUIRE_FALSE(parsed.has_value());
        REQUIRE_FALSE(parsed.error().text.empty());
    }
    for (const std::string_view json :
         {"", "[]", "{", R"({"count":1})", R"({"kind":7})", R"({"kind":"drop","count":1.5})"}) {
        INFO(json);
        REQUIRE_FALSE(parse_fault_json(json).has_value());
    }
}
