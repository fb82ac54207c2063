#include "tests/exchange/ws_codec.hpp"

#include <catch2/catch.hpp>

using namespace of::exchange::ws;

namespace {

/// A masked client frame with the shortest length form.
std::string client_frame(Opcode opcode, std::string_view payload, bool final = true, uint8_t reserved = 0) {
    const std::string mask{"\x12\x34\x56\x78", 4};
    std::string out;
    append_frame(out, opcode, payload);
    out[0] = static_cast<char>((final ? 0x80 : 0) | reserved | static_cast<uint8_t>(opcode));
    out[1] = static_cast<char>(out[1] | static_cast<char>(0x80));
    const size_t head = out.size() - payload.size();
    for (size_t i = 0; i < payload.size(); ++i) out[head + i] = static_cast<char>(out[head + i] ^ mask[i % 4]);
    return out.insert(head, mask);
}

uint16_t refusal_code(std::string_view bytes, size_t most = 65'536) {
    Decoder decoder(most);
    decoder.feed(bytes);
    for (;;) {
        const auto message = decoder.next();
        if (!message) return message.error().close_code;
        if (!*message) return 0;
    }
}

}  // namespace

TEST_CASE("a server frame has the shortest of the three length forms and no mask") {
    for (const auto& [size, head] : {std::pair<size_t, size_t>{0, 2}, {125, 2}, {126, 4}, {65'535, 4}, {65'536, 10}}) {
        std::string out;
        append_frame(out, Opcode::text, std::string(size, 'x'));
        INFO(size);
        REQUIRE(out.size() == size + head);
        REQUIRE(out[0] == static_cast<char>(0x81));
        REQUIRE((out[1] & 0x80) == 0);
    }
}

TEST_CASE("the accept key is that of the RFC's example") {
    REQUIRE(accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("a message comes out whole, however its bytes are cut") {
    const std::string payload(300, 'q');
    const std::string bytes = client_frame(Opcode::text, payload) + client_frame(Opcode::ping, "now");
    for (size_t piece = 1; piece < 20; ++piece) {
        Decoder decoder;
        std::vector<Message> messages;
        for (size_t at = 0; at < bytes.size(); at += piece) {
            decoder.feed(std::string_view(bytes).substr(at, piece));
            for (auto next = decoder.next(); next.value(); next = decoder.next()) messages.push_back(**next);
        }
        REQUIRE(messages.size() == 2);
        REQUIRE(messages[0].payload == payload);
        REQUIRE(messages[1].opcode == Opcode::ping);
        REQUIRE(messages[1].payload == "now");
    }
}

TEST_CASE("fragments are joined, and a control frame between them comes first") {
    Decoder decoder;
    decoder.feed(client_frame(Opcode::text, "one ", false) + client_frame(Opcode::pong, "p") +
                 client_frame(Opcode::continuation, "two ", false) + client_frame(Opcode::continuation, "three"));
    REQUIRE((*decoder.next())->opcode == Opcode::pong);
    const auto whole = decoder.next();
    REQUIRE((*whole)->opcode == Opcode::text);
    REQUIRE((*whole)->payload == "one two three");
    REQUIRE_FALSE(decoder.next()->has_value());
}

TEST_CASE("whatever breaks the protocol is refused with its close code") {
    std::string unmasked;
    append_frame(unmasked, Opcode::text, "{}");
    REQUIRE(refusal_code(unmasked) == close_protocol_error);
    REQUIRE(refusal_code(client_frame(Opcode::text, "x", true, 0x40)) == close_protocol_error);
    REQUIRE(refusal_code(client_frame(Opcode::ping, "x", false)) == close_protocol_error);
    REQUIRE(refusal_code(client_frame(Opcode::ping, std::string(126, 'x'))) == close_protocol_error);
    REQUIRE(refusal_code(client_frame(Opcode::continuation, "x")) == close_protocol_error);
    REQUIRE(refusal_code(client_frame(static_cast<Opcode>(3), "x")) == close_protocol_error);
    REQUIRE(refusal_code(client_frame(Opcode::text, "a", false) + client_frame(Opcode::text, "b")) ==
            close_protocol_error);
}

TEST_CASE("a message above the limit is refused before it is stored") {
    REQUIRE(refusal_code(client_frame(Opcode::text, std::string(101, 'x')), 100) == close_too_big);
    REQUIRE(refusal_code(client_frame(Opcode::text, std::string(200, 'x')).substr(0, 4), 150) == close_too_big);
    REQUIRE(refusal_code(client_frame(Opcode::text, std::string(60, 'x'), false) +
                             client_frame(Opcode::continuation, std::string(60, 'x')),
                         100) == close_too_big);
    REQUIRE(refusal_code(client_frame(Opcode::text, std::string(100, 'x')), 100) == 0);
}

TEST_CASE("a close frame holds its code in network order and a reason that fits") {
    REQUIRE(close_payload(1001, "bye") == std::string("\x03\xe9"
                                                      "bye"));
    REQUIRE(close_payload(1001, std::string(200, 'x')).size() == 125);
    REQUIRE(close_code_of(close_payload(4321, "")) == 4321);
    REQUIRE(close_code_of("") == 0);
}
