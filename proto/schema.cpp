#include "proto/schema.hpp"

#include <charconv>
#include <span>

#include "proto/calls.hpp"
#include "proto/control.hpp"
#include "proto/log_catalog.hpp"
#include "proto/trace.hpp"

namespace of {
namespace {

struct Row {
    std::string_view name;
    std::string_view kind;
    size_t offset;
    size_t elements;
};
struct Table {
    MessageType type;
    size_t bytes;
    std::span<const Row> rows;
};

#define OF_ROW(field, kind) Row{#field, kind, offsetof(Struct, field), 1}
#define OF_ROWS(field, kind, elements) \
    Row { #field, kind, offsetof(Struct, field), elements }

constexpr Row header_rows[] = {{"symbol", "u16", offsetof(Header, symbol), 1},
                               {"flags", "u8", offsetof(Header, flags), 1},
                               {"count", "u16", offsetof(Header, count), 1},
                               {"correlation", "corr", offsetof(Header, correlation), 1},
                               {"publish_ns", "mono", offsetof(Header, publish_ns), 1}};

template <typename S>
struct Rows;

template <>
struct Rows<Trade> {
    using Struct = Trade;
    static constexpr Row rows[] = {OF_ROW(event_ns, "wall"), OF_ROW(trade_ns, "wall"), OF_ROW(receive_ns, "wall"),
                                   OF_ROW(id, "i64"),        OF_ROW(price, "e8"),      OF_ROW(quantity, "e8")};
};
template <>
struct Rows<AggTrade> {
    using Struct = AggTrade;
    static constexpr Row rows[] = {OF_ROW(event_ns, "wall"), OF_ROW(trade_ns, "wall"), OF_ROW(receive_ns, "wall"),
                                   OF_ROW(id, "i64"),        OF_ROW(first_id, "i64"),  OF_ROW(last_id, "i64"),
                                   OF_ROW(price, "e8"),      OF_ROW(quantity, "e8")};
};
template <>
struct Rows<BestQuote> {
    using Struct = BestQuote;
    static constexpr Row rows[] = {OF_ROW(receive_ns, "wall"), OF_ROW(update_id, "i64"), OF_ROW(bid_price, "e8"),
                                   OF_ROW(bid_quantity, "e8"), OF_ROW(ask_price, "e8"),  OF_ROW(ask_quantity, "e8")};
};
template <>
struct Rows<Depth> {
    using Struct = Depth;
    static constexpr Row rows[] = {OF_ROW(event_ns, "wall"),
                                   OF_ROW(receive_ns, "wall"),
                                   OF_ROW(first_id, "i64"),
                                   OF_ROW(last_id, "i64"),
                                   OF_ROW(bids, "u32"),
                                   OF_ROW(asks, "u32"),
                                   OF_ROWS(levels, "level", depth_head_levels)};
};
template <>
struct Rows<DepthLevels> {
    using Struct = DepthLevels;
    static constexpr Row rows[] = {OF_ROWS(levels, "level", depth_more_levels)};
};
template <>
struct Rows<BookReset> {
    using Struct = BookReset;
    static constexpr Row rows[] = {OF_ROW(reason, "reset_reason"), OF_ROW(epoch, "u32"), OF_ROW(from_id, "i64")};
};
template <>
struct Rows<GapOpened> {
    using Struct = GapOpened;
    static constexpr Row rows[] = {OF_ROW(kind, "gap_kind"), OF_ROW(first_id, "i64"), OF_ROW(last_id, "i64"),
                                   OF_ROW(detected_ns, "wall")};
};
template <>
struct Rows<GapRepaired> {
    using Struct = GapRepaired;
    static constexpr Row rows[] = {OF_ROW(kind, "gap_kind"), OF_ROW(first_id, "i64"), OF_ROW(last_id, "i64"),
                                   OF_ROW(repaired, "i64"), OF_ROW(finished_ns, "wall")};
};
template <>
struct Rows<StreamEvent> {
    using Struct = StreamEvent;
    static constexpr Row rows[] = {OF_ROW(state, "stream_state"), OF_ROW(attempt, "u32"), OF_ROW(at_ns, "wall"),
                                   OF_ROW(delay_ms, "i64"), OF_ROWS(detail, "text", sizeof(StreamEvent::detail))};
};
template <>
struct Rows<CommandDrain> {
    using Struct = CommandDrain;
    static constexpr Row rows[] = {OF_ROW(deadline_ns, "mono")};
};
template <>
struct Rows<CommandBreaker> {
    using Struct = CommandBreaker;
    static constexpr Row rows[] = {OF_ROWS(name, "text", sizeof(CommandBreaker::name)),
                                   OF_ROW(action, "breaker_action"), OF_ROW(uid, "u32"), OF_ROW(for_ns, "i64"),
                                   OF_ROWS(reason, "text", sizeof(CommandBreaker::reason))};
};
template <>
struct Rows<EventState> {
    using Struct = EventState;
    static constexpr Row rows[] = {OF_ROW(state, "worker_state")};
};
template <>
struct Rows<Call> {
    using Struct = Call;
    static constexpr Row rows[] = {OF_ROW(deadline_ns, "mono"), OF_ROWS(symbol, "text", sizeof(SymbolText)),
                                   OF_ROW(from_id, "i64"), OF_ROW(limit, "u32")};
};
template <>
struct Rows<ReplyEnd> {
    using Struct = ReplyEnd;
    static constexpr Row rows[] = {OF_ROW(status, "call_status"), OF_ROW(rows, "u32")};
};
template <>
struct Rows<ReplyTrade> {
    using Struct = ReplyTrade;
    static constexpr Row rows[] = {OF_ROW(traced, "corr"),     OF_ROW(id, "i64"),   OF_ROW(trade_ns, "wall"),
                                   OF_ROW(receive_ns, "wall"), OF_ROW(price, "e8"), OF_ROW(quantity, "e8")};
};
template <>
struct Rows<ReplyStorageStats> {
    using Struct = ReplyStorageStats;
    static constexpr Row rows[] = {OF_ROWS(symbol, "text", sizeof(SymbolText)),
                                   OF_ROW(trades, "u64"),
                                   OF_ROW(agg_trades, "u64"),
                                   OF_ROW(gaps_open, "u64"),
                                   OF_ROW(gaps_repaired, "u64"),
                                   OF_ROW(last_trade_id, "i64"),
                                   OF_ROW(last_agg_id, "i64")};
};
template <>
struct Rows<ReplyBook> {
    using Struct = ReplyBook;
    static constexpr Row rows[] = {OF_ROWS(symbol, "text", sizeof(SymbolText)),
                                   OF_ROW(state, "book_state"),
                                   OF_ROW(epoch, "u32"),
                                   OF_ROW(last_update_id, "i64"),
                                   OF_ROW(bids, "u32"),
                                   OF_ROW(asks, "u32"),
                                   OF_ROW(oracle_compared, "u64"),
                                   OF_ROW(oracle_mismatched, "u64"),
                                   OF_ROW(resets, "u64")};
};
template <>
struct Rows<ReplyLevels> {
    using Struct = ReplyLevels;
    static constexpr Row rows[] = {OF_ROWS(levels, "level", depth_more_levels)};
};
template <>
struct Rows<ReplyFeedStatus> {
    using Struct = ReplyFeedStatus;
    static constexpr Row rows[] = {OF_ROWS(symbol, "text", sizeof(SymbolText)),
                                   OF_ROW(stream, "stream_state"),
                                   OF_ROW(book, "book_state"),
                                   OF_ROW(last_trade_id, "i64"),
                                   OF_ROW(last_agg_id, "i64"),
                                   OF_ROW(last_update_id, "i64"),
                                   OF_ROW(frames, "u64"),
                                   OF_ROW(last_frame_ns, "wall")};
};
template <>
struct Rows<LogRecord> {
    using Struct = LogRecord;
    static constexpr Row rows[] = {OF_ROW(wall_ns, "wall"), OF_ROW(id, "u16"), OF_ROW(level, "u8"), OF_ROW(size, "u8")};
};
template <>
struct Rows<TraceHop> {
    using Struct = TraceHop;
    // Printed beside the position of the hop itself.
    static constexpr Row rows[] = {OF_ROW(hop, "hop"), OF_ROW(subject, "i64"),
                                   {"ring_position", "i64", offsetof(Struct, position), 1}};
};

template <typename S>
constexpr Table table(MessageType type) {
    return {type, sizeof(S), Rows<S>::rows};
}

constexpr Table market_tables[] = {table<Trade>(MessageType::trade),
                                   table<AggTrade>(MessageType::agg_trade),
                                   table<BestQuote>(MessageType::best_quote),
                                   table<Depth>(MessageType::depth_delta),
                                   table<Depth>(MessageType::depth_snapshot),
                                   table<DepthLevels>(MessageType::depth_levels),
                                   table<BookReset>(MessageType::book_reset),
                                   table<GapOpened>(MessageType::gap_opened),
                                   table<GapRepaired>(MessageType::gap_repaired),
                                   table<StreamEvent>(MessageType::stream_event)};
constexpr Table command_tables[] = {table<CommandDrain>(MessageType::command_drain),
                                    table<CommandBreaker>(MessageType::command_breaker)};
constexpr Table event_tables[] = {table<EventState>(MessageType::event_state)};
constexpr Table call_tables[] = {table<Call>(MessageType::call_trades), table<Call>(MessageType::call_storage_stats),
                                 table<Call>(MessageType::call_book), table<Call>(MessageType::call_feed_status)};
constexpr Table reply_tables[] = {table<ReplyEnd>(MessageType::reply_end),
                                  table<ReplyTrade>(MessageType::reply_trade),
                                  table<ReplyStorageStats>(MessageType::reply_storage_stats),
                                  table<ReplyBook>(MessageType::reply_book),
                                  table<ReplyLevels>(MessageType::reply_levels),
                                  table<ReplyFeedStatus>(MessageType::reply_feed_status)};
constexpr Table log_tables[] = {table<LogRecord>(MessageType::log_record)};
constexpr Table trace_tables[] = {table<TraceHop>(MessageType::trace_hop)};

std::span<const Table> tables_of(ChannelKind kind) {
    switch (kind) {
        case ChannelKind::market:
            return market_tables;
        case ChannelKind::command:
            return command_tables;
        case ChannelKind::event:
            return event_tables;
        case ChannelKind::call:
            return call_tables;
        case ChannelKind::reply:
            return reply_tables;
        case ChannelKind::log:
            return log_tables;
        case ChannelKind::trace:
            return trace_tables;
        case ChannelKind::control:
        case ChannelKind::book:
        case ChannelKind::metrics:
        case ChannelKind::breaker:
        case ChannelKind::error:
            return {};
    }
    return {};
}

void append_row(std::string& text, const Row& row) {
    text.append(row.name).append(" ").append(row.kind).append(" ").append(std::to_string(row.offset));
    if (row.elements != 1) text.append(" ").append(std::to_string(row.elements));
    text += '\n';
}

/// The next word of `line`, cut off its front.
std::string_view next_word(std::string_view& line) {
    const auto end = std::min(line.find(' '), line.size());
    const auto word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
}

size_t next_number(std::string_view& line, size_t fallback) {
    const auto word = next_word(line);
    size_t number = fallback;
    std::from_chars(word.data(), word.data() + word.size(), number);
    return number;
}

size_t bytes_of(std::string_view kind) {
    if (kind == "u8" || kind == "text") return 1;
    if (kind == "u16") return 2;
    if (kind == "level") return sizeof(Level);
    const bool eight =
        kind == "u64" || kind == "i64" || kind == "e8" || kind == "corr" || kind == "wall" || kind == "mono";
    return eight ? 8 : 4;
}

}  // namespace

std::string schema_of(ChannelKind kind) {
    std::string text;
    for (const auto& table : tables_of(kind)) {
        text.append("message ").append(name_of(table.type)).append(" ");
        text.append(std::to_string(static_cast<unsigned>(table.type)))
            .append(" ")
            .append(std::to_string(table.bytes))
            .append("\n");
        for (const auto& row : header_rows) append_row(text, row);
        for (const auto& row : table.rows) append_row(text, row);
    }
    return text;
}

std::vector<MessageSchema> parse_schema(std::string_view text) {
    std::vector<MessageSchema> messages;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto first = next_word(line);
        if (first == "message") {
            auto& message = messages.emplace_back();
            message.name = next_word(line);
            message.type = static_cast<MessageType>(next_number(line, 0));
            message.bytes = next_number(line, 0);
            continue;
        }
        if (messages.empty() || first.empty()) continue;
        Field field{.name = std::string(first), .kind = std::string(next_word(line))};
        field.offset = next_number(line, SIZE_MAX);
        field.elements = next_number(line, 1);
        auto& message = messages.back();
        const bool inside = field.offset < message.bytes && field.elements <= message.bytes &&
                            bytes_of(field.kind) * field.elements <= message.bytes - field.offset;
        if (inside) message.fields.push_back(std::move(field));
    }
    return messages;
}

}  // namespace of
