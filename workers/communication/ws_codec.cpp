#include "workers/communication/ws_codec.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/core/detail/base64.hpp>
#include <boost/uuid/detail/sha1.hpp>
#include <cstring>

namespace of::communication {
namespace {

constexpr std::string_view handshake_guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr size_t mask_bytes = 4;

std::string base64(std::string_view bytes) {
    namespace detail = boost::beast::detail::base64;
    std::string text(detail::encoded_size(bytes.size()), '\0');
    text.resize(detail::encode(text.data(), bytes.data(), bytes.size()));
    return text;
}

std::string sha1(std::string_view text) {
    boost::uuids::detail::sha1 hash;
    hash.process_bytes(text.data(), text.size());
    unsigned int words[5];
    hash.get_digest(words);
    std::string digest;
    for (const auto word : words) {
        for (int shift = 24; shift >= 0; shift -= 8) digest += static_cast<char>(word >> shift & 0xff);
    }
    return digest;
}

void unmask(char* bytes, size_t size, const char* mask) {
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(bytes[i] ^ mask[i % mask_bytes]);
}

uint64_t big_endian(const char* bytes, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
    return value;
}

bool known(Opcode opcode) {
    const auto value = static_cast<uint8_t>(opcode);
    return value <= 2 || (value >= 8 && value <= 10);
}
bool is_control(Opcode opcode) { return static_cast<uint8_t>(opcode) >= 8; }

/// Codes that an endpoint may send (RFC 6455, section 7.4).
bool may_be_sent(uint64_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace

size_t encode_header(char* out, Opcode opcode, size_t payload_bytes) {
    out[0] = static_cast<char>(0x80 | static_cast<uint8_t>(opcode));
    if (payload_bytes <= control_bytes_max) {
        out[1] = static_cast<char>(payload_bytes);
        return 2;
    }
    const size_t length_bytes = payload_bytes <= 0xffff ? 2 : 8;
    out[1] = static_cast<char>(length_bytes == 2 ? 126 : 127);
    for (size_t i = 0; i < length_bytes; ++i) {
        out[2 + i] = static_cast<char>(uint64_t{payload_bytes} >> (8 * (length_bytes - 1 - i)) & 0xff);
    }
    return 2 + length_bytes;
}

std::string encode_frame(Opcode opcode, std::string_view payload) {
    std::array<char, ws_header_bytes_max> header;
    const auto bytes = encode_header(header.data(), opcode, payload.size());
    std::string frame(header.data(), bytes);
    return frame.append(payload);
}

std::string encode_close(CloseCode code, std::string_view reason) {
    const auto value = static_cast<uint16_t>(code);
    std::string payload{static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
    auto size = std::min(reason.size(), control_bytes_max - payload.size());
    while (size < reason.size() && size > 0 && (static_cast<uint8_t>(reason[size]) & 0xc0) == 0x80) --size;
    return encode_frame(Opcode::close, payload.append(reason.substr(0, size)));
}

std::optional<std::string> accept_key(std::string_view key) {
    namespace detail = boost::beast::detail::base64;
    if (key.size() != 24) return {};
    std::array<char, 24> decoded;
    const auto [written, read] = detail::decode(decoded.data(), key.data(), key.size());
    if (written != 16 || base64({decoded.data(), written}) != key) return {};
    return base64(sha1(std::string(key).append(handshake_guid)));
}

/// The table of well-formed sequences of the Unicode standard (table 3-7).
bool valid_utf8(std::string_view text) {
    const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
    const auto tail = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
    for (size_t i = 0; i < text.size();) {
        const auto first = byte(i);
        if (first < 0x80) {
            ++i;
        } else if (first >= 0xc2 && first <= 0xdf && tail(i + 1)) {
            i += 2;
        } else if (first >= 0xe0 && first <= 0xef && tail(i + 1) && tail(i + 2) &&
                   !(first == 0xe0 && byte(i + 1) < 0xa0) && !(first == 0xed && byte(i + 1) > 0x9f)) {
            i += 3;
        } else if (first >= 0xf0 && first <= 0xf4 && tail(i + 1) && tail(i + 2) && tail(i + 3) &&
                   !(first == 0xf0 && byte(i + 1) < 0x90) && !(first == 0xf4 && byte(i + 1) > 0x8f)) {
            i += 4;
        } else {
            return false;
        }
    }
    return true;
}

std::span<char> MessageReader::room() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (begin_ > 0 && buffer_.size() - end_ < buffer_.size() / 2) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    return {buffer_.data() + end_, buffer_.size() - end_};
}

void MessageReader::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto space = room();
        const auto size = std::min(space.size(), bytes.size());
        std::memcpy(space.data(), bytes.data(), size);
        received(size);
        bytes.remove_prefix(size);
    }
}

MessageReader::Event MessageReader::fail(CloseCode code) {
    code_ = code;
    return Event::error;
}

/// The header at begin_, once it is whole; `bad` for one that no client may send.
std::optional<MessageReader::Head> MessageReader::head(bool& bad) {
    const auto have = end_ - begin_;
    if (have < 2) return {};
    const char* at = buffer_.data() + begin_;
    const auto first = static_cast<uint8_t>(at[0]);
    const auto second = static_cast<uint8_t>(at[1]);
    Head head{static_cast<Opcode>(first & 0x0f), (first & 0x80) != 0, 2, second & 0x7fu};
    const bool masked = (second & 0x80) != 0;
    const bool reserved = (first & 0x70) != 0;
    bad = reserved || !masked || !known(head.opcode) ||
          (is_control(head.opcode) && (!head.final || head.payload_bytes > control_bytes_max));
    if (bad) return {};
    const size_t length_bytes = head.payload_bytes == 126 ? 2 : head.payload_bytes == 127 ? 8 : 0;
    if (have < 2 + length_bytes + mask_bytes) return {};
    if (length_bytes != 0) head.payload_bytes = big_endian(at + 2, length_bytes);
    head.header_bytes = 2 + length_bytes + mask_bytes;
    return head;
}

MessageReader::Event MessageReader::next() {
    for (;;) {
        bool bad = false;
        const auto found = head(bad);
        if (bad) return fail(CloseCode::protocol_error);
        if (!found) return Event::need_more;
        const size_t before = in_message_ ? message_.size() : 0;
        const bool too_big = found->payload_bytes > message_bytes_max - before;
        if (too_big && !is_control(found->opcode)) return fail(CloseCode::too_big);
        const auto payload_bytes = static_cast<size_t>(found->payload_bytes);
        if (end_ - begin_ < found->header_bytes + payload_bytes) return Event::need_more;
        char* payload = buffer_.data() + begin_ + found->header_bytes;
        unmask(payload, payload_bytes, payload - mask_bytes);
        begin_ += found->header_bytes + payload_bytes;
        const auto event = whole(*found, {payload, payload_bytes});
        if (event != Event::need_more) return event;  // a fragment: look at the next frame
    }
}

MessageReader::Event MessageReader::whole(const Head& head, std::string_view payload) {
    payload_ = payload;
    switch (head.opcode) {
        case Opcode::ping:
            return Event::ping;
        case Opcode::pong:
            return Event::pong;
        case Opcode::close:
            return closing(payload);
        case Opcode::binary:
            return fail(CloseCode::unsupported);
        case Opcode::text:
        case Opcode::continuation:
            return data(head, payload);
    }
    return fail(CloseCode::protocol_error);
}

MessageReader::Event MessageReader::closing(std::string_view payload) {
    code_ = CloseCode::no_status;
    if (payload.empty()) return Event::close;
    const auto code = payload.size() < 2 ? 0 : big_endian(payload.data(), 2);
    if (!may_be_sent(code)) return fail(CloseCode::protocol_error);
    payload_.remove_prefix(2);
    if (!valid_utf8(payload_)) return fail(CloseCode::bad_text);
    code_ = static_cast<CloseCode>(code);
    return Event::close;
}

MessageReader::Event MessageReader::data(const Head& head, std::string_view payload) {
    const bool continues = head.opcode == Opcode::continuation;
    if (continues != in_message_) return fail(CloseCode::protocol_error);
    if (!continues && head.final) return valid_utf8(payload) ? Event::text : fail(CloseCode::bad_text);
    if (!continues) message_.clear();
    message_.append(payload);
    in_message_ = !head.final;
    if (in_message_) return Event::need_more;
    // The text stays in message_ until the next message; payload() points into it.
    payload_ = message_;
    return valid_utf8(message_) ? Event::text : fail(CloseCode::bad_text);
}

}  // namespace of::communication
