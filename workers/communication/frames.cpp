#include "workers/communication/frames.hpp"

#include "workers/communication/json.hpp"

namespace of::communication::frames {
namespace {

/// Fields that live and stored trades have in common, from "id" to "buyer_is_maker".
template <typename Row>
void trade_fields(std::string& out, const Row& row, bool buyer_is_maker) {
    out += "\"id\":";
    append_number(out, row.id);
    out += ",\"price\":";
    append_e8(out, row.price);
    out += ",\"qty\":";
    append_e8(out, row.quantity);
    out += ",\"time_ns\":";
    append_number(out, row.trade_ns);
    out += ",\"receive_ns\":";
    append_number(out, row.receive_ns);
    out += buyer_is_maker ? ",\"buyer_is_maker\":true" : ",\"buyer_is_maker\":false";
}

void head(std::string& out, std::string_view type, std::string_view symbol) {
    out += "{\"type\":\"";
    out += type;
    out += "\",\"symbol\":";
    append_json_text(out, symbol);
    out += ',';
}

template <typename Quote>
void quote_fields(std::string& out, const Quote& quote, CorrelationId correlation) {
    out += "\"update_id\":";
    append_number(out, quote.update_id);
    out += ",\"bid_price\":";
    append_e8(out, quote.bid_price);
    out += ",\"bid_qty\":";
    append_e8(out, quote.bid_quantity);
    out += ",\"ask_price\":";
    append_e8(out, quote.ask_price);
    out += ",\"ask_qty\":";
    append_e8(out, quote.ask_quantity);
    out += ",\"receive_ns\":";
    append_number(out, quote.receive_ns);
    out += ",\"correlation\":";
    append_correlation(out, correlation);
    out += '}';
}

void list(std::string& out, std::span<const std::string> texts) {
    Separator separate;
    out += '[';
    for (const auto& text : texts) {
        separate(out);
        append_json_text(out, text);
    }
    out += ']';
}

}  // namespace

void trade(std::string& out, std::string_view symbol, const Trade& trade, uint64_t position) {
    head(out, "trade", symbol);
    trade_fields(out, trade, trade.buyer_is_maker());
    out += ",\"correlation\":";
    append_correlation(out, trade.header.correlation);
    out += ",\"seq\":";
    append_number(out, position);
    out += '}';
}

void stored_trade(std::string& out, std::string_view symbol, const ReplyTrade& row) {
    head(out, "trade", symbol);
    trade_fields(out, row, (row.header.flags & flag_buyer_is_maker) != 0);
    out += ",\"correlation\":";
    append_correlation(out, row.traced);
    out += ",\"backlog\":true}";
}

void trade_row(std::string& out, const ReplyTrade& row) {
    out += '{';
    trade_fields(out, row, (row.header.flags & flag_buyer_is_maker) != 0);
    out += ",\"correlation\":";
    append_correlation(out, row.traced);
    out += '}';
}

void quote(std::string& out, std::string_view symbol, const BestQuote& quote) {
    head(out, "quote", symbol);
    quote_fields(out, quote, quote.header.correlation);
}

void quote(std::string& out, std::string_view symbol, const shm::Quote& quote) {
    head(out, "quote", symbol);
    quote_fields(out, quote, {});
}

std::string hello(std::string_view instance, std::span<const std::string> symbols, int64_t server_ns) {
    std::string out = "{\"type\":\"hello\",\"instance\":";
    append_json_text(out, instance);
    out += ",\"symbols\":";
    list(out, symbols);
    out += ",\"server_ns\":";
    append_number(out, server_ns);
    return out += '}';
}

std::string lost(uint64_t count) {
    std::string out = "{\"type\":\"lost\",\"count\":";
    append_number(out, count);
    return out += '}';
}

std::string error(std::string_view sentence) {
    std::string out = "{\"type\":\"error\",\"error\":";
    append_json_text(out, sentence);
    return out += '}';
}

std::string pong(std::string_view id_json, int64_t server_ns) {
    std::string out = "{\"type\":\"pong\",\"id\":";
    out.append(id_json).append(",\"server_ns\":");
    append_number(out, server_ns);
    return out += '}';
}

std::string backlog_end(std::string_view symbol, uint64_t count) {
    std::string out;
    head(out, "backlog_end", symbol);
    out += "\"count\":";
    append_number(out, count);
    return out += '}';
}

std::string gap(std::string_view symbol, int64_t first_id, int64_t last_id) {
    std::string out;
    head(out, "gap", symbol);
    out += "\"first_id\":";
    append_number(out, first_id);
    out += ",\"last_id\":";
    append_number(out, last_id);
    return out += '}';
}

std::string subscribed(const Subscribed& what) {
    std::string out = "{\"type\":\"";
    out.append(what.op).append("\",\"streams\":[");
    if (what.trades) out += "\"trades\"";
    if (what.quotes) out += what.trades ? ",\"quotes\"" : "\"quotes\"";
    out += "],\"symbols\":";
    list(out, what.symbols);
    out += what.all_symbols ? ",\"all\":true" : ",\"all\":false";
    if (!what.unknown.empty()) {
        out += ",\"unknown\":";
        list(out, what.unknown);
    }
    if (what.backlog != 0) {
        out += ",\"backlog\":";
        append_number(out, what.backlog);
    }
    return out += '}';
}

}  // namespace of::communication::frames
