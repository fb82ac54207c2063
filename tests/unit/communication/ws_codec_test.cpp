#include "workers/communication/ws_codec.hpp"

#include <catch2/catch.hpp>

using namespace of::communication;
using Event = MessageReader::Event;

namespace {

/// A client's frame: masked.
std::string masked(Opcode opcode, std::string_view payload, bool final = true) {
    std::string frame = encode_frame(opcode, payload);
    const auto header = frame.size() - payload.size();
    if (!final) frame[0] = static_cast<char>(frame[0] & 0x7f);
    frame[1] = static_cast<char>(frame[1] | 0x80);
    const std::string mask = "\x12\x9a\x03\xf7";
    std::string out = frame.substr(0, header) + mask;
    for (size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ mask[i % 4]);
    return out;
}

Event first_event(std::string_view bytes, CloseCode& code) {
    MessageReader reader;
    reader.feed(bytes);
    const auto event = reader.next();
    code = reader.code();
    return event;
}

}  // namespace

TEST_CASE("ws_codec: the accept key of RFC 6455's example") {
    CHECK(accept_key("dGhlIHNhbXBsZSBub25jZQ==").value() == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("ws_codec: a key that is not 16 bytes in base64 is refused") {
    for (const auto* key :
         {"", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSE=", "!!!!!!!!!!!!!!!!!!!!!!=="})
        CHECK_FALSE(accept_key(key));
}

TEST_CASE("ws_codec: headers of all three lengths") {
    char header[ws_header_bytes_max];
    CHECK(encode_header(header, Opcode::text, 125) == 2);
    CHECK(header[1] == 125);
    CHECK(encode_header(header, Opcode::text, 126) == 4);
    CHECK(encode_header(header, Opcode::text, 65'535) == 4);
    CHECK(encode_header(header, Opcode::text, 65'536) == 10);
    CHECK(static_cast<unsigned char>(header[0]) == 0x81);
}

TEST_CASE("ws_codec: messages arrive whole, however the bytes are cut") {
    const auto bytes =
        masked(Opcode::text, "first") + masked(Opcode::text, std::string(300, 'x')) + masked(Opcode::ping, "p");
    for (const size_t step : {size_t{1}, size_t{3}, size_t{7}, bytes.size()}) {
        MessageReader reader;
        std::vector<std::pair<Event, std::string>> got;
        for (size_t at = 0; at < bytes.size(); at += step) {
            reader.feed(std::string_view(bytes).substr(at, step));
            for (auto event = reader.next(); event != Event::need_more; event = reader.next())
                got.emplace_back(event, reader.payload());
        }
        REQUIRE(got.size() == 3);
        CHECK(got[0] == std::pair{Event::text, std::string("first")});
        CHECK(got[1].second == std::string(300, 'x'));
        CHECK(got[2] == std::pair{Event::ping, std::string("p")});
    }
}

TEST_CASE("ws_codec: fragments are joined, and a ping may come between them") {
    MessageReader reader;
    reader.feed(masked(Opcode::text, "one ", false) + masked(Opcode::ping, "") +
                masked(Opcode::continuation, "two ", false) + masked(Opcode::continuation, "three"));
    CHECK(reader.next() == Event::ping);
    CHECK(reader.next() == Event::text);
    CHECK(reader.payload() == "one two three");
    reader.feed(masked(Opcode::text, "next"));
    CHECK(reader.next() == Event::text);
    CHECK(reader.payload() == "next");
}

TEST_CASE("ws_codec: what the protocol forbids is an error with its code") {
    struct Row {
        std::string bytes;
        CloseCode code;
    };
    std::string reserved = masked(Opcode::text, "x");
    reserved[0] = static_cast<char>(reserved[0] | 0x40);
    const Row rows[] = {
        {encode_frame(Opcode::text, "unmasked"), CloseCode::protocol_error},
        {reserved, CloseCode::protocol_error},
        {masked(static_cast<Opcode>(3), "x"), CloseCode::protocol_error},
        {masked(static_cast<Opcode>(11), "x"), CloseCode::protocol_error},
        {masked(Opcode::continuation, "of nothing"), CloseCode::protocol_error},
        {masked(Opcode::text, "a", false) + masked(Opcode::text, "b"), CloseCode::protocol_error},
        {masked(Opcode::ping, "x", false), CloseCode::protocol_error},
        {masked(Opcode::ping, std::string(126, 'x')), CloseCode::protocol_error},
        {masked(Opcode::close, "x"), CloseCode::protocol_error},
        {masked(Opcode::close, std::string("\x03\xed", 2)), CloseCode::protocol_error},  // 1005 is never sent
        {masked(Opcode::binary, "x"), CloseCode::unsupported},
        {masked(Opcode::text, "\xc3\x28"), CloseCode::bad_text},
        {masked(Opcode::text, "\xed\xa0\x80"), CloseCode::bad_text},  // a surrogate
        {masked(Opcode::text, std::string(message_bytes_max + 1, 'x')), CloseCode::too_big},
    };
    for (const auto& row : rows) {
        CloseCode code{};
        MessageReader reader;
        reader.feed(row.bytes);
        auto event = reader.next();
        CHECK(event == Event::error);
        code = reader.code();
        CHECK(static_cast<int>(code) == static_cast<int>(row.code));
    }
}

TEST_CASE("ws_codec: fragments together may not be larger than one message, and a size of 2^63 is refused at once") {
    CloseCode code{};
    const std::string half(message_bytes_max / 2 + 1, 'x');
    MessageReader reader;
    reader.feed(masked(Opcode::text, half, false));
    CHECK(reader.next() == Event::need_more);
    reader.feed(masked(Opcode::continuation, half));
    CHECK(reader.next() == Event::error);
    CHECK(reader.code() == CloseCode::too_big);
    const std::string huge("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00mask", 14);
    CHECK(first_event(huge, code) == Event::error);
    CHECK(code == CloseCode::too_big);
}

TEST_CASE("ws_codec: the largest message is taken") {
    MessageReader reader;
    reader.feed(masked(Opcode::text, std::string(message_bytes_max, 'x')));
    CHECK(reader.next() == Event::text);
    CHECK(reader.payload().size() == message_bytes_max);
}

TEST_CASE("ws_codec: a close carries its code") {
    CloseCode code{};
    CHECK(first_event(masked(Opcode::close, std::string("\x03\xe8", 2) + "bye"), code) == Event::close);
    CHECK(code == CloseCode::normal);
    CHECK(first_event(masked(Opcode::close, ""), code) == Event::close);
    CHECK(code == CloseCode::no_status);
}

TEST_CASE("ws_codec: the reason of a close is cut at a UTF-8 border") {
    const auto frame = encode_close(CloseCode::policy, std::string(122, 'x') + "\xc3\xa4");
    CHECK(frame.size() == 2 + 2 + 122);
}
