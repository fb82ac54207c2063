#include "workers/communication/client_ops.hpp"

#include <catch2/catch.hpp>

using namespace of::communication;

TEST_CASE("client_ops: a subscription with everything") {
    const auto op =
        parse_op(
            R"({"op":"subscribe","streams":["trades","quotes"],"symbols":["BTCUSDT","ETHUSDT","BTCUSDT"],"backlog":50})",
            100)
            .value();
    CHECK(op.kind == ClientOp::Kind::subscribe);
    CHECK((op.trades && op.quotes && !op.all_symbols));
    CHECK(op.symbols == std::vector<std::string>{"BTCUSDT", "ETHUSDT"});
    CHECK(op.backlog == 50);
}

TEST_CASE("client_ops: absent symbols are all symbols") {
    CHECK(parse_op(R"({"op":"unsubscribe","streams":["quotes"]})", 100)->all_symbols);
}

TEST_CASE("client_ops: a ping gets its id back as it came") {
    CHECK(parse_op(R"({"op":"ping","id":7})", 0)->id_json == "7");
    CHECK(parse_op(R"({"op":"ping","id":"a\"b"})", 0)->id_json == R"("a\"b")");
    CHECK(parse_op(R"({"op":"ping"})", 0)->id_json == "null");
}

TEST_CASE("client_ops: each bad request gets a sentence") {
    const auto many = [] {
        std::string text = R"({"op":"subscribe","streams":["trades"],"symbols":[)";
        for (size_t i = 0; i <= symbols_of_op_max; ++i) text += (i ? ",\"S" : "\"S") + std::to_string(i) + '"';
        return text + "]}";
    }();
    const std::pair<std::string, std::string> rows[] = {
        {"", "not JSON"},
        {"{", "not JSON"},
        {"[]", "not an object"},
        {"{}", "\"op\" is missing"},
        {R"({"op":7})", "\"op\" is missing"},
        {R"({"op":"buy"})", "unknown op \"buy\""},
        {R"({"op":"subscribe"})", "\"streams\" is missing"},
        {R"({"op":"subscribe","streams":"trades"})", "must be a list"},
        {R"({"op":"subscribe","streams":[]})", "\"streams\" is empty"},
        {R"({"op":"subscribe","streams":[1]})", "texts only"},
        {R"({"op":"subscribe","streams":["depth"]})", "unknown stream \"depth\""},
        {R"({"op":"subscribe","streams":["trades"],"symbols":[]})", "\"symbols\" is empty"},
        {R"({"op":"subscribe","streams":["trades"],"symbols":"A"})", "must be a list"},
        {R"({"op":"subscribe","streams":["trades"],"symbols":[""]})", "1 to 24 bytes"},
        {R"({"op":"subscribe","streams":["trades"],"symbols":["AAAAAAAAAAAAAAAAAAAAAAAAA"]})", "1 to 24 bytes"},
        {R"({"op":"subscribe","streams":["trades"],"backlog":101})", "from 0 to 100"},
        {R"({"op":"subscribe","streams":["trades"],"backlog":-1})", "from 0 to 100"},
        {R"({"op":"subscribe","streams":["quotes"],"backlog":5})", "needs the stream \"trades\""},
        {R"({"op":"ping","id":[1]})", "\"id\" must be"},
        {many, "more than 512 symbols"},
    };
    for (const auto& [text, sentence] : rows) {
        const auto op = parse_op(text, 100);
        REQUIRE_FALSE(op);
        CHECK_THAT(op.error(), Catch::Contains(sentence));
    }
}
