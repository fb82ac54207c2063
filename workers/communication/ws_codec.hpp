// The server's half of the WebSocket protocol (RFC 6455, version 13, no extensions), without any I/O.
//
// Beast makes one write(2) of every message; here a session gathers what waits into one write, and the bytes of a
// message are made once for all clients. Frames of clients are masked, at most `message_bytes_max` long, also when they
// come in fragments.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace of::communication {

enum class Opcode : uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// RFC 6455, section 7.4.1.
enum class CloseCode : uint16_t {
    normal = 1000,
    going_away = 1001,
    protocol_error = 1002,
    unsupported = 1003,
    no_status = 1005,  ///< never on the wire
    bad_text = 1007,
    policy = 1008,
    too_big = 1009,
    try_later = 1013,
};

inline constexpr size_t ws_header_bytes_max = 10;  ///< of a server's frame: not masked
inline constexpr size_t message_bytes_max = 64 * 1024;
inline constexpr size_t control_bytes_max = 125;

/// Writes the header of a final, unmasked frame to `out` (ws_header_bytes_max long); returns its length.
size_t encode_header(char* out, Opcode opcode, size_t payload_bytes);
std::string encode_frame(Opcode opcode, std::string_view payload);
/// The reason is cut to fit a control frame, at a UTF-8 border.
std::string encode_close(CloseCode code, std::string_view reason);

/// Sec-WebSocket-Accept for a client's Sec-WebSocket-Key; nothing when the key is not 16 bytes in base64.
std::optional<std::string> accept_key(std::string_view key);

bool valid_utf8(std::string_view text);

/// Cuts a client's bytes into messages. After `error` the connection has to be closed with code().
class MessageReader {
  public:
    enum class Event : uint8_t { need_more, text, ping, pong, close, error };

    /// Where the next bytes of the socket belong; never empty.
    std::span<char> room();
    void received(size_t bytes) { end_ += bytes; }
    void feed(std::string_view bytes);

    /// The next event; payload() belongs to it until the next call.
    Event next();
    std::string_view payload() const { return payload_; }
    /// Of `close`: the client's code, 1005 for none. Of `error`: the one to close with.
    CloseCode code() const { return code_; }

  private:
    struct Head {
        Opcode opcode;
        bool final;
        size_t header_bytes;
        uint64_t payload_bytes;
    };
    std::optional<Head> head(bool& bad);
    Event fail(CloseCode code);
    Event whole(const Head& head, std::string_view payload);
    Event closing(std::string_view payload);
    Event data(const Head& head, std::string_view payload);

    std::vector<char> buffer_ = std::vector<char>(2048);
    size_t begin_ = 0;
    size_t end_ = 0;
    std::string message_;  ///< fragments so far
    bool in_message_ = false;
    std::string_view payload_;
    CloseCode code_ = CloseCode::no_status;
};

}  // namespace of::communication
