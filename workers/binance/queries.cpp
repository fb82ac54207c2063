#include "workers/binance/queries.hpp"

#include <algorithm>

namespace of::binance {
namespace {

/// The best `count` levels of both sides, best first, over as many rows as they take.
bool send_levels(Reply& reply, uint16_t symbol, std::span<const Level> bids, std::span<const Level> asks) {
    const auto total = bids.size() + asks.size();
    const auto level = [&](size_t i) { return i < bids.size() ? bids[bids.size() - 1 - i] : asks[total - 1 - i]; };
    for (size_t from = 0; from < total; from += depth_more_levels) {
        const auto count = std::min(depth_more_levels, total - from);
        const bool sent = reply.row<ReplyLevels>(MessageType::reply_levels, [&](ReplyLevels& row) {
            row.header.symbol = symbol;
            row.header.count = static_cast<uint16_t>(count);
            for (size_t i = 0; i < depth_more_levels; ++i) row.levels[i] = i < count ? level(from + i) : Level{};
        });
        if (!sent) return false;
    }
    return true;
}

/// The part of a side next to its best level, which stands last.
std::span<const Level> nearest(std::span<const Level> side, uint32_t limit) {
    return limit == 0 || side.size() <= limit ? side : side.last(limit);
}

}  // namespace

void Queries::serve(const Call& call, Reply& reply) {
    CallStatus status = CallStatus::bad_request;
    if (call.header.type == MessageType::call_book) status = book(call, reply);
    if (call.header.type == MessageType::call_feed_status) status = this->status(call, reply);
    reply.end(status);
    runtime_.trace().hop(call.header.correlation, Hop::served, mono_ns(), static_cast<int64_t>(status), 0);
}

CallStatus Queries::book(const Call& call, Reply& reply) const {
    const auto found =
        std::ranges::find(lanes_, call.symbol.view(), [](const auto& lane) { return std::string_view(lane->name()); });
    if (found == lanes_.end()) return CallStatus::not_found;
    const auto& lane = **found;
    const auto bids = nearest(lane.book().book().bids(), call.limit);
    const auto asks = nearest(lane.book().book().asks(), call.limit);
    const bool sent = reply.row<ReplyBook>(MessageType::reply_book, [&](ReplyBook& row) {
        lane.fill(row);
        row.bids = static_cast<uint32_t>(bids.size());
        row.asks = static_cast<uint32_t>(asks.size());
    });
    return sent && send_levels(reply, lane.index(), bids, asks) ? CallStatus::ok : CallStatus::overloaded;
}

CallStatus Queries::status(const Call& call, Reply& reply) const {
    const auto wanted = call.symbol.view();
    bool any = wanted.empty();
    for (const auto& lane : lanes_) {
        if (!wanted.empty() && lane->name() != wanted) continue;
        any = true;
        if (!reply.row<ReplyFeedStatus>(MessageType::reply_feed_status, [&](ReplyFeedStatus& row) { lane->fill(row); }))
            return CallStatus::overloaded;
    }
    return any ? CallStatus::ok : CallStatus::not_found;
}

}  // namespace of::binance
