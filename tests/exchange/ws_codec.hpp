// The WebSocket wire format (RFC 6455), server side: whole unmasked frames out, masked frames in.
//
// Beast's WebSocket stream writes one frame a call; a busy market wants hundreds of frames in one TLS record.
// So the stand-in writes its own two to ten header bytes and reads its clients' few messages with this
// decoder. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace of::exchange::ws {

enum class Opcode : uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

inline constexpr uint16_t close_normal = 1000;
inline constexpr uint16_t close_going_away = 1001;
inline constexpr uint16_t close_protocol_error = 1002;
inline constexpr uint16_t close_policy = 1008;
inline constexpr uint16_t close_too_big = 1009;

/// Appends one final, unmasked frame with the shortest length form.
void append_frame(std::string& out, Opcode opcode, std::string_view payload);

/// The payload of a close frame: the code in network order and a reason, cut to the 123 bytes that fit.
std::string close_payload(uint16_t code, std::string_view reason);

/// The code in a received close frame; 0 when it has none.
uint16_t close_code_of(std::string_view payload);

/// Sec-WebSocket-Accept for a client's Sec-WebSocket-Key (section 4.2.2).
std::string accept_key(std::string_view client_key);

struct Message {
    Opcode opcode = Opcode::text;  // text, binary, close, ping or pong: fragments are joined
    std::string payload;
};

struct ProtocolError {
    uint16_t close_code = close_protocol_error;
    std::string text;
};

/// Cuts a byte stream of masked client frames into messages. Control frames between fragments come out at
/// once. After an error the connection cannot be used any more. Holds at most one message of
/// `message_bytes_max`.
class Decoder {
  public:
    explicit Decoder(size_t message_bytes_max = 65'536) : message_bytes_max_(message_bytes_max) {}

    void feed(std::string_view bytes);

    /// The next whole message; nothing while more bytes are needed.
    tl::expected<std::optional<Message>, ProtocolError> next();

  private:
    struct Header {
        bool final = false;
        Opcode opcode = Opcode::text;
        size_t size = 0;    // of header and mask
        size_t length = 0;  // of the payload
    };
    tl::expected<std::optional<Header>, ProtocolError> header() const;
    tl::expected<std::optional<size_t>, ProtocolError> long_length(size_t width) const;
    tl::expected<void, ProtocolError> check(const Header& header) const;
    std::string take_payload(const Header& header);
    std::optional<Message> join(const Header& header, std::string payload);

    size_t message_bytes_max_;
    std::string buffer_;
    std::optional<Message> partial_;
};

}  // namespace of::exchange::ws
