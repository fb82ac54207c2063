#include "tests/exchange/ws_codec.hpp"

#include <openssl/evp.h>

#include <array>
#include <utility>

namespace of::exchange::ws {

namespace {

constexpr size_t control_bytes_max = 125;

uint8_t byte_at(const std::string& text, size_t at) { return static_cast<uint8_t>(text[at]); }

void append_big_endian(std::string& out, uint64_t value, int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
        out.push_back(static_cast<char>(static_cast<uint8_t>(value >> shift)));
    }
}

bool is_control(Opcode opcode) { return static_cast<uint8_t>(opcode) >= 8; }

tl::unexpected<ProtocolError> refuse(std::string text, uint16_t code = close_protocol_error) {
    return tl::unexpected(ProtocolError{code, std::move(text)});
}

}  // namespace

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
    out.push_back(static_cast<char>(0x80 | static_cast<uint8_t>(opcode)));
    if (payload.size() < 126) {
        append_big_endian(out, payload.size(), 1);
    } else if (payload.size() <= 0xFFFF) {
        out.push_back(126);
        append_big_endian(out, payload.size(), 2);
    } else {
        out.push_back(127);
        append_big_endian(out, payload.size(), 8);
    }
    out.append(payload);
}

std::string close_payload(uint16_t code, std::string_view reason) {
    std::string payload;
    append_big_endian(payload, code, 2);
    payload.append(reason.substr(0, control_bytes_max - 2));
    return payload;
}

uint16_t close_code_of(std::string_view payload) {
    if (payload.size() < 2) return 0;
    return static_cast<uint16_t>(static_cast<uint8_t>(payload[0]) << 8 | static_cast<uint8_t>(payload[1]));
}

std::string accept_key(std::string_view client_key) {
    const std::string text = std::string(client_key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
    std::array<unsigned char, 64> encoded{};
    const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
    return {reinterpret_cast<const char*>(encoded.data()), static_cast<size_t>(length)};
}

void Decoder::feed(std::string_view bytes) { buffer_.append(bytes); }

tl::expected<std::optional<size_t>, ProtocolError> Decoder::long_length(size_t width) const {
    if (buffer_.size() < 2 + width) return std::nullopt;
    uint64_t length = 0;
    for (size_t i = 0; i < width; ++i) length = length << 8 | byte_at(buffer_, 2 + i);
    if (length > message_bytes_max_) return refuse("message too big", close_too_big);
    return static_cast<size_t>(length);
}

tl::expected<std::optional<Decoder::Header>, ProtocolError> Decoder::header() const {
    if (buffer_.size() < 2) return std::nullopt;
    const uint8_t first = byte_at(buffer_, 0);
    const uint8_t second = byte_at(buffer_, 1);
    if ((first & 0x70) != 0) return refuse("reserved bits are set, but no extension was agreed");
    if ((second & 0x80) == 0) return refuse("a client's frame must be masked");
    Header header{(first & 0x80) != 0, static_cast<Opcode>(first & 0x0F), 6, second & 0x7FU};
    if (header.length >= 126) {
        const size_t width = header.length == 126 ? 2 : 8;
        const auto length = long_length(width);
        if (!length) return tl::unexpected(length.error());
        if (!*length) return std::nullopt;
        header.length = **length;
        header.size += width;
    }
    return header;
}

tl::expected<void, ProtocolError> Decoder::check(const Header& header) const {
    switch (header.opcode) {
        case Opcode::close:
        case Opcode::ping:
        case Opcode::pong:
            if (!header.final) return refuse("a control frame must not be fragmented");
            if (header.length > control_bytes_max) return refuse("a control frame holds at most 125 bytes");
            return {};
        case Opcode::continuation:
            if (!partial_) return refuse("a continuation without a beginning");
            if (partial_->payload.size() + header.length > message_bytes_max_) {
                return refuse("message too big", close_too_big);
            }
            return {};
        case Opcode::text:
        case Opcode::binary:
            if (partial_) return refuse("a new message inside a fragmented one");
            if (header.length > message_bytes_max_) return refuse("message too big", close_too_big);
            return {};
    }
    return refuse("unknown opcode");
}

std::string Decoder::take_payload(const Header& header) {
    std::string payload = buffer_.substr(header.size, header.length);
    for (size_t i = 0; i < payload.size(); ++i) {
        payload[i] = static_cast<char>(byte_at(payload, i) ^ byte_at(buffer_, header.size - 4 + i % 4));
    }
    buffer_.erase(0, header.size + header.length);
    return payload;
}

std::optional<Message> Decoder::join(const Header& header, std::string payload) {
    if (is_control(header.opcode)) return Message{header.opcode, std::move(payload)};
    if (header.opcode == Opcode::continuation) {
        partial_->payload += payload;
    } else {
        partial_ = Message{header.opcode, std::move(payload)};
    }
    if (!header.final) return std::nullopt;
    return std::exchange(partial_, std::nullopt);
}

tl::expected<std::optional<Message>, ProtocolError> Decoder::next() {
    for (;;) {
        const auto head = header();
        if (!head) return tl::unexpected(head.error());
        if (!*head) return std::nullopt;
        if (const auto fits = check(**head); !fits) return tl::unexpected(fits.error());
        if (buffer_.size() < (*head)->size + (*head)->length) return std::nullopt;
        if (auto message = join(**head, take_payload(**head))) return message;
    }
}

}  // namespace of::exchange::ws
