#include "proto/text.hpp"

#include <catch2/catch.hpp>

using namespace of;

TEST_CASE("a JSON string escapes what it must and passes the rest on") {
    CHECK(json_text("") == R"("")");
    CHECK(json_text("a\"b\\c\n\x01\x7f") == "\"a\\\"b\\\\c\\u000a\\u0001\x7f\"");
    CHECK(json_text("币安 é €") == "\"币安 é €\"");
    std::string text = "before ";
    append_json_text(text, "after");
    CHECK(text == "before \"after\"");
}

TEST_CASE("bytes that are no UTF-8 become U+FFFD, one by one") {
    CHECK(json_text("\xff") == "\"\xef\xbf\xbd\"");
    CHECK(json_text("\xe5\xb8") == "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    CHECK(json_text("\xc0\x80") == "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    CHECK(json_text("\xe5\"") == "\"\xef\xbf\xbd\\\"\"");
}

TEST_CASE("what could command a terminal is shown instead, and text of any language passes") {
    CHECK(printable_text("BTCUSDT 币安 é €") == "BTCUSDT 币安 é €");
    CHECK(printable_text("a\x1b[2Jb\nc\t\x7f") == R"(a\x1b[2Jb\x0ac\x09\x7f)");
    CHECK(printable_text("\xc2\x9b"
                         "2J\xff\x9b") == R"(\xc2\x9b2J\xff\x9b)");
}

TEST_CASE("a wall clock's time has microseconds, and none is a dash") {
    CHECK(wall_text(0) == "-");
    CHECK(wall_text(-1) == "-");
    CHECK(wall_text(1) == "1970-01-01T00:00:00.000000Z");
    CHECK(wall_text(1'723'161'255'343'000'999) == "2024-08-08T23:54:15.343000Z");
}
