#include "tests/exchange/stream_requests.hpp"

#include <catch2/catch.hpp>

#include "tests/exchange/stream_target.hpp"

using namespace of::exchange;

TEST_CASE("subscriptions are listed in their order, each once") {
    Subscriptions mine;
    REQUIRE(answer_request(R"({"method":"SUBSCRIBE","params":["b@trade","a@trade","b@trade"],"id":1})", mine) ==
            R"({"result":null,"id":1})");
    REQUIRE(answer_request(R"({"method":"LIST_SUBSCRIPTIONS","id":"q"})", mine) ==
            R"({"result":["b@trade","a@trade"],"id":"q"})");
    REQUIRE(answer_request(R"({"method":"UNSUBSCRIBE","params":["b@trade","never@trade"],"id":null})", mine) ==
            R"({"result":null,"id":null})");
    REQUIRE(mine.streams == std::vector<std::string>{"a@trade"});
}

TEST_CASE("each bad request has the documented code, and changes nothing") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"{", R"({"code":3,)"},
        {"\xff\xfe", R"({"code":3,)"},
        {"[]", R"({"code":2,)"},
        {R"({"id":1})", R"({"code":2,"msg":"Invalid request: missing field `method`)"},
        {R"({"method":"NOPE","id":1})", R"({"code":2,"msg":"Invalid request: unknown variant `NOPE`)"},
        {R"({"method":"a\"b\\c","id":1})", R"({"code":2,"msg":"Invalid request: unknown variant `a?b?c`)"},
        {R"({"method":"SUBSCRIBE","id":1})", R"({"code":2,)"},
        {R"({"method":"SUBSCRIBE","params":"a@trade","id":1})", R"({"code":2,)"},
        {R"({"method":"SUBSCRIBE","params":[1],"id":1})", R"({"code":2,)"},
        {R"({"method":"SUBSCRIBE","params":[""],"id":1})", R"({"code":2,)"},
        {R"({"method":"LIST_SUBSCRIPTIONS","id":1.5})", R"({"code":2,"msg":"Invalid request: request ID)"},
        {R"({"method":"GET_PROPERTY","params":["x"],"id":1})", R"({"code":0,"msg":"Unknown property","id":1})"},
        {R"({"method":"SET_PROPERTY","params":["combined"],"id":1})", R"({"code":1,)"},
        {R"({"method":"SET_PROPERTY","params":["combined","true"],"id":1})", R"({"code":1,)"},
        {R"({"method":"SET_PROPERTY","params":["combined",true,1],"id":1})", R"({"code":2,)"},
    };
    for (const auto& [request, answer] : cases) {
        Subscriptions mine{{"a@trade"}, false};
        INFO(request);
        REQUIRE_THAT(answer_request(request, mine), Catch::StartsWith(answer));
        REQUIRE(mine.streams == std::vector<std::string>{"a@trade"});
        REQUIRE_FALSE(mine.combined);
    }
}

TEST_CASE("a connection holds 1,024 streams and not one more") {
    Subscriptions mine;
    for (size_t i = 0; i < streams_max; ++i) mine.add("s" + std::to_string(i) + "@trade");
    REQUIRE_THAT(answer_request(R"({"method":"SUBSCRIBE","params":["one@trade"],"id":1})", mine),
                 Catch::StartsWith(R"({"code":2,)"));
    REQUIRE(answer_request(R"({"method":"SUBSCRIBE","params":["s7@trade"],"id":1})", mine) ==
            R"({"result":null,"id":1})");
    REQUIRE(mine.streams.size() == streams_max);
}

TEST_CASE("the URL says streams, envelope and time unit") {
    const auto combined = parse_stream_target("/stream?streams=a@trade/b@depth@100ms&timeUnit=MICROSECOND", true);
    REQUIRE(combined->subscriptions.streams == std::vector<std::string>{"a@trade", "b@depth@100ms"});
    REQUIRE(combined->subscriptions.combined);
    REQUIRE(combined->in_micros);
    const auto raw = parse_stream_target("/ws/a%40trade/b@kline_1d@+08:00", false);
    REQUIRE(raw->subscriptions.streams == std::vector<std::string>{"a@trade", "b@kline_1d@+08:00"});
    REQUIRE_FALSE(raw->subscriptions.combined);
    REQUIRE(parse_stream_target("/ws", false)->subscriptions.streams.empty());
    REQUIRE(parse_stream_target("/stream", false)->subscriptions.combined);
}

TEST_CASE("a URL that makes no sense is refused with a sentence") {
    std::string many = "/ws/";
    for (size_t i = 0; i <= streams_max; ++i) many += "s" + std::to_string(i) + "/";
    for (const std::string& target :
         {std::string("/"), std::string("/wsx"), std::string("/ws/a//b"), std::string("/ws/a%22"),
          std::string("/ws/a?timeUnit=SECOND"), std::string("/ws/a?timeUnit=MICROSECOND"), many}) {
        INFO(target.substr(0, 40));
        const auto parsed = parse_stream_target(target, false);
        REQUIRE_FALSE(parsed.has_value());
        REQUIRE(parsed.error().text.ends_with('.'));
    }
}
