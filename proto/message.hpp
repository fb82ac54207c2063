// The header that begins each message on each ring, and the list of all message types.
//
// A slot of a ring holds its commit word (8 bytes, shm's) and then the message: this header (24 bytes) and a body.
// Slots are multiples of 64 bytes, so a body has 32, 96 or 224 bytes; each message struct states which it fits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "proto/correlation.hpp"

namespace of {

enum class MessageType : uint16_t {
    none = 0,
    // market.N
    trade = 1,
    agg_trade = 2,
    best_quote = 3,
    depth_delta = 4,
    depth_snapshot = 5,
    depth_levels = 6,  ///< continuation of the depth message before it
    book_reset = 7,
    gap_opened = 8,
    gap_repaired = 9,
    stream_event = 10,
    // command.P, event.P
    command_drain = 32,
    command_breaker = 33,
    event_state = 40,
    // call.P.Q, reply.Q.P
    call_trades = 64,
    call_storage_stats = 65,
    call_book = 66,
    call_feed_status = 67,
    reply_end = 80,  ///< last message of each reply, with its status
    reply_trade = 81,
    reply_storage_stats = 82,
    reply_book = 83,
    reply_levels = 84,
    reply_feed_status = 85,
    // log.P, trace.P
    log_record = 96,
    trace_hop = 112,
};

std::string_view name_of(MessageType type);  // message_names.cpp

/// Bits of Header::flags.
enum Flag : uint8_t {
    flag_buyer_is_maker = 1,  ///< trades: the aggressor sold
    flag_repaired = 2,        ///< trades: fetched over REST after a gap
    flag_sampled = 4,         ///< trace hops are recorded for this correlation ID
    flag_last = 8,            ///< depth: no continuation follows
    flag_first = 16,          ///< replies: an answer begins; anew, if rows of one came before it
};

struct Header {
    MessageType type = MessageType::none;
    uint8_t origin = 0;  ///< ProcessId::packed of the writer
    uint8_t flags = 0;
    uint16_t symbol = 0;  ///< index into the symbol directory of book.N, N being the writer's index
    uint16_t count = 0;   ///< elements used in the body, where it holds an array
    CorrelationId correlation;
    uint64_t publish_ns = 0;  ///< CLOCK_MONOTONIC when it was committed
};
static_assert(sizeof(Header) == 24 && alignof(Header) == 8 && std::is_trivially_copyable_v<Header>);
static_assert(offsetof(Header, correlation) == 8 && offsetof(Header, publish_ns) == 16);

/// What a message struct must be to lie in a slot with `body` bytes behind the header.
template <typename T, size_t body>
inline constexpr bool fits = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> && alignof(T) == 8 &&
                             sizeof(T) <= sizeof(Header) + body;

inline constexpr size_t body_64 = 32;    ///< trace
inline constexpr size_t body_128 = 96;   ///< market, command, event, call, reply
inline constexpr size_t body_256 = 224;  ///< log

/// Fixed text in a message: zero-padded, cut to fit at a UTF-8 border.
template <size_t n>
struct FixedText {
    std::array<char, n> bytes{};

    FixedText() = default;
    explicit FixedText(std::string_view text) { assign(text); }
    void assign(std::string_view text) {
        size_t size = text.size() < n ? text.size() : n;
        while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
        bytes = {};
        for (size_t i = 0; i < size; ++i) bytes[i] = text[i];
    }
    std::string_view view() const {
        size_t size = 0;
        while (size < n && bytes[size] != 0) ++size;
        return {bytes.data(), size};
    }
};

/// A symbol's name; the longest seen on Binance has 18 bytes (test network, UTF-8).
using SymbolText = FixedText<24>;

}  // namespace of
