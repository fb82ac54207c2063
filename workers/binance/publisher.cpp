#include "workers/binance/publisher.hpp"

#include <algorithm>

namespace of::binance {

template <typename Message>
Message& MarketPublisher::begin(MessageType type, uint16_t symbol, const Mark& mark, uint8_t flags) {
    ring_.claim();
    auto& message = ring_.message<Message>(type, mark.correlation);
    message.header.symbol = symbol;
    message.header.flags = static_cast<uint8_t>(flags | (mark.sampled ? flag_sampled : 0));
    return message;
}

uint64_t MarketPublisher::trade(uint16_t symbol, const TradeFields& trade, const Mark& mark, uint8_t flags) {
    auto& message = begin<Trade>(MessageType::trade, symbol, mark,
                                 static_cast<uint8_t>(flags | (trade.buyer_is_maker ? flag_buyer_is_maker : 0)));
    message.event_ns = trade.event_ns;
    message.trade_ns = trade.trade_ns;
    message.receive_ns = mark.wall_ns;
    message.id = trade.id;
    message.price = trade.price;
    message.quantity = trade.quantity;
    return ring_.commit();
}

uint64_t MarketPublisher::agg_trade(uint16_t symbol, const TradeFields& trade, const Mark& mark, uint8_t flags) {
    auto& message = begin<AggTrade>(MessageType::agg_trade, symbol, mark,
                                    static_cast<uint8_t>(flags | (trade.buyer_is_maker ? flag_buyer_is_maker : 0)));
    message.event_ns = trade.event_ns;
    message.trade_ns = trade.trade_ns;
    message.receive_ns = mark.wall_ns;
    message.id = trade.id;
    message.first_id = trade.first_id;
    message.last_id = trade.last_id;
    message.price = trade.price;
    message.quantity = trade.quantity;
    return ring_.commit();
}

uint64_t MarketPublisher::best_quote(uint16_t symbol, const QuoteFields& quote, const Mark& mark) {
    auto& message = begin<BestQuote>(MessageType::best_quote, symbol, mark);
    message.receive_ns = mark.wall_ns;
    message.update_id = quote.update_id;
    message.bid_price = quote.bid_price;
    message.bid_quantity = quote.bid_quantity;
    message.ask_price = quote.ask_price;
    message.ask_quantity = quote.ask_quantity;
    return ring_.commit();
}

uint64_t MarketPublisher::depth_delta(uint16_t symbol, const DepthFields& depth_fields, const Mark& mark) {
    return depth(MessageType::depth_delta, symbol, depth_fields, mark);
}

uint64_t MarketPublisher::depth_snapshot(uint16_t symbol, const Snapshot& snapshot, const Mark& mark) {
    return depth(MessageType::depth_snapshot, symbol,
                 {0, snapshot.last_id, snapshot.last_id, snapshot.bids, snapshot.asks}, mark);
}

uint64_t MarketPublisher::depth(MessageType type, uint16_t symbol, const DepthFields& depth, const Mark& mark) {
    const auto total = depth.bids.size() + depth.asks.size();
    const auto slots = depth_slots(total);
    ring_.claim(slots);
    size_t taken = 0;
    const auto fill = [&](Level* to, size_t room) {
        const auto count = std::min(room, total - taken);
        for (size_t i = 0; i < count; ++i, ++taken)
            to[i] = taken < depth.bids.size() ? depth.bids[taken] : depth.asks[taken - depth.bids.size()];
        std::fill(to + count, to + room, Level{});
        return static_cast<uint16_t>(count);
    };
    const auto sampled = mark.sampled ? flag_sampled : 0;
    const auto begin_slot = [&](Header& header, size_t slot) {
        header.symbol = symbol;
        header.flags = static_cast<uint8_t>(sampled | (slot + 1 == slots ? flag_last : 0));
    };
    auto& head = ring_.message<Depth>(type, mark.correlation);
    begin_slot(head.header, 0);
    head.event_ns = depth.event_ns;
    head.receive_ns = mark.wall_ns;
    head.first_id = depth.first_id;
    head.last_id = depth.last_id;
    head.bids = static_cast<uint32_t>(depth.bids.size());
    head.asks = static_cast<uint32_t>(depth.asks.size());
    head.header.count = fill(head.levels, depth_head_levels);
    for (size_t slot = 1; slot < slots; ++slot) {
        auto& more = ring_.message<DepthLevels>(MessageType::depth_levels, mark.correlation, slot);
        begin_slot(more.header, slot);
        more.header.count = fill(more.levels, depth_more_levels);
    }
    return ring_.commit(slots);
}

uint64_t MarketPublisher::book_reset(uint16_t symbol, ResetReason reason, uint32_t epoch, int64_t from_id,
                                     CorrelationId correlation) {
    auto& message = begin<BookReset>(MessageType::book_reset, symbol, {correlation});
    message.reason = reason;
    message.epoch = epoch;
    message.from_id = from_id;
    return ring_.commit();
}

uint64_t MarketPublisher::gap_opened(uint16_t symbol, GapKind kind, int64_t first_id, int64_t last_id,
                                     CorrelationId correlation) {
    auto& message = begin<GapOpened>(MessageType::gap_opened, symbol, {correlation});
    message.kind = kind;
    message.reserved = 0;
    message.first_id = first_id;
    message.last_id = last_id;
    message.detected_ns = wall_ns();
    return ring_.commit();
}

uint64_t MarketPublisher::gap_repaired(uint16_t symbol, GapKind kind, int64_t first_id, int64_t last_id,
                                       int64_t repaired, CorrelationId correlation) {
    auto& message = begin<GapRepaired>(MessageType::gap_repaired, symbol, {correlation});
    message.kind = kind;
    message.reserved = 0;
    message.first_id = first_id;
    message.last_id = last_id;
    message.repaired = repaired;
    message.finished_ns = wall_ns();
    return ring_.commit();
}

uint64_t MarketPublisher::stream_event(uint16_t symbol, StreamState state, uint32_t attempt, int64_t delay_ms,
                                       std::string_view detail, CorrelationId correlation) {
    auto& message = begin<StreamEvent>(MessageType::stream_event, symbol, {correlation});
    message.state = state;
    message.attempt = attempt;
    message.at_ns = wall_ns();
    message.delay_ms = delay_ms;
    message.detail.assign(detail);
    return ring_.commit();
}

}  // namespace of::binance
