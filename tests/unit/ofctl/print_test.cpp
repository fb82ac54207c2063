#include "supervisor/ofctl/print.hpp"

#include <catch2/catch.hpp>

#include "supervisor/ofctl/json.hpp"

using namespace of::ofctl;

TEST_CASE("spans, counts and sizes read well") {
    REQUIRE(span_text(-1) == "-");
    REQUIRE(span_text(12'345) == "12us");
    REQUIRE(span_text(12'345'678) == "12ms");
    REQUIRE(span_text(3'450'000'000) == "3.4s");
    REQUIRE(span_text(312'000'000'000) == "5m12s");
    REQUIRE(span_text(7'380'000'000'000) == "2h03m");
    REQUIRE(span_text(349'200'000'000'000) == "4d01h");
    REQUIRE(count_text(999) == "999");
    REQUIRE(count_text(12'345'678) == "12.3M");
    REQUIRE(bytes_text(64 << 20) == "64.0M");
}

TEST_CASE("colours are ours alone") {
    set_colour("always");
    const auto ours = toned("well", Tone::good);
    set_colour("never");
    REQUIRE(ours == "\x1b[32mwell\x1b[0m");
    REQUIRE(toned("well", Tone::good) == "well");
}

TEST_CASE("JSON is separated and escaped") {
    Json json;
    json.open_object()
        .field("a", 1)
        .field("b", "x\"\\\n\x01")
        .key("c")
        .open_array()
        .value(true)
        .null()
        .value(int64_t{-5})
        .close_array()
        .field("d", uint64_t{7})
        .close_object();
    REQUIRE(json.text() == R"({"a":1,"b":"x\"\\\u000a\u0001","c":[true,null,-5],"d":7})");
}

TEST_CASE("bytes that are no UTF-8 become replacement characters") {
    Json json;
    json.value(std::string_view("\xff\xc3(\xe8\xbf\x99", 6));
    REQUIRE(json.text() == "\"\xef\xbf\xbd\xef\xbf\xbd(\xe8\xbf\x99\"");
}
