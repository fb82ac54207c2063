#include "workers/communication/request.hpp"

#include <catch2/catch.hpp>

#include "workers/communication/settings.hpp"

using namespace of::communication;

TEST_CASE("request: a target is cut into path and query, decoded") {
    const auto target = parse_target("/api/trades?symbol=BTC%55SDT&limit=5&empty=&flag&a=b+c").value();
    CHECK(target.path == "/api/trades");
    CHECK(target.query == std::map<std::string, std::string>{
                              {"symbol", "BTCUSDT"}, {"limit", "5"}, {"empty", ""}, {"flag", ""}, {"a", "b c"}});
}

TEST_CASE("request: bad targets get a sentence") {
    for (const auto* target : {"", "api", "http://x/", "/a%2", "/a%zz", "/?a=%0", "/a%00", "/?a=1&a=2"})
        CHECK_FALSE(parse_target(target));
    CHECK_FALSE(parse_target("/" + std::string(target_bytes_max, 'x')));
    std::string many = "/?";
    for (size_t i = 0; i <= query_fields_max; ++i) many += "f" + std::to_string(i) + "=1&";
    CHECK_FALSE(parse_target(many));
}

TEST_CASE("request: numbers of a query are whole and within their bounds") {
    const auto number = [](const std::string& text) {
        return query_number(*parse_target("/?n=" + text), "n", 7, 1, 100);
    };
    CHECK(number("1") == 1);
    CHECK(number("100") == 100);
    CHECK(query_number(*parse_target("/"), "n", 7, 1, 100) == 7);
    for (const auto* text : {"0", "101", "", "1.5", "1x", "-1", "99999999999999999999", "0x10"})
        CHECK_FALSE(number(text));
}

TEST_CASE("request: a field that the route does not know is named") {
    const std::string_view known[] = {"symbol", "limit"};
    CHECK(unknown_fields(*parse_target("/t?limit=1"), known).empty());
    CHECK_THAT(unknown_fields(*parse_target("/t?limt=1"), known),
               Catch::Contains("\"limt\"") && Catch::Contains("symbol, limit"));
}

TEST_CASE("request: hosts that this server answers to") {
    const std::vector<std::string> more{"Trade.example", "proxy.example:8443"};
    const HostTable table("192.168.1.5", 8080, more);
    for (const auto* host : {"192.168.1.5:8080", "localhost:8080", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080",
                             "trade.example", "trade.example:8080", "proxy.example:8443"})
        CHECK(table.allows(host));
    for (const auto* host : {"", "localhost", "localhost:80", "192.168.1.5", "evil.example", "evil.example:8080",
                             "localhost:8080.evil.example", "proxy.example"})
        CHECK_FALSE(table.allows(host));
    CHECK(HostTable("::1", 80, {}).allows("[::1]"));
    CHECK_FALSE(HostTable("0.0.0.0", 8080, {}).allows("0.0.0.0:8080"));
}

TEST_CASE("request: an Origin must be the very Host that was asked for") {
    const HostTable table("127.0.0.1", 8080, {});
    CHECK(table.same_site("", "localhost:8080"));
    CHECK(table.same_site("http://localhost:8080", "localhost:8080"));
    CHECK(table.same_site("https://localhost:8080", "localhost:8080"));
    for (const auto* origin : {"null", "http://localhost", "http://127.0.0.1:8080", "http://evil.example",
                               "http://localhost:8080.evil.example", "file://", "ftp://localhost:8080"})
        CHECK_FALSE(table.same_site(origin, "localhost:8080"));
}

TEST_CASE("settings: what listen may be") {
    std::string address;
    uint16_t port = 1;
    CHECK(parse_listen("127.0.0.1:8080", address, port));
    CHECK((address == "127.0.0.1" && port == 8080));
    CHECK(parse_listen("[::1]:0", address, port));
    CHECK((address == "::1" && port == 0));
    for (const auto* text : {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:80x",
                             "::1:8080", "[127.0.0.1]:80"})
        CHECK_FALSE(parse_listen(text, address, port));
}
