#include "workers/storage/queries.hpp"

#include <algorithm>

#include "workers/storage/day_file.hpp"

namespace of::storage {
namespace {

constexpr size_t connections_max = 8;

}  // namespace

void Queries::serve(const Call& call, Reply& reply) {
    if (call.header.type == MessageType::call_trades) {
        const auto rows = trades(call);
        if (!rows) return reply.end(CallStatus::unavailable);
        for (const auto& row : *rows) {
            const bool room = reply.row<ReplyTrade>(MessageType::reply_trade, [&](ReplyTrade& out) {
                const auto header = out.header;
                out = row.trade;
                out.header = header;
                out.header.flags = static_cast<uint8_t>(row.buyer_is_maker ? flag_buyer_is_maker : 0);
            });
            if (!room) break;
        }
        return reply.end(CallStatus::ok);
    }
    if (call.header.type != MessageType::call_storage_stats) return reply.end(CallStatus::bad_request);
    const auto found = totals();
    if (!found) return reply.end(CallStatus::unavailable);
    for (const auto& [symbol, total] : *found) {
        reply.row<ReplyStorageStats>(MessageType::reply_storage_stats, [&](ReplyStorageStats& out) {
            out.symbol = SymbolText(symbol);
            out.trades = static_cast<uint64_t>(total.trades);
            out.agg_trades = static_cast<uint64_t>(total.agg_trades);
            out.gaps_open = static_cast<uint64_t>(std::max<int64_t>(total.gap_ids - total.repaired, 0));
            out.gaps_repaired = static_cast<uint64_t>(total.repaired);
            out.last_trade_id = total.last_trade_id;
            out.last_agg_id = total.last_agg_id;
        });
    }
    reply.end(CallStatus::ok);
}

/// from_id = 0: the newest rows; else the first rows above it. Oldest first in both cases.
Expected<std::vector<Queries::Row>> Queries::trades(const Call& call) {
    const auto limit = std::min(call.limit == 0 ? rows_max : call.limit, rows_max);
    const bool newest = call.from_id == 0;
    auto days = days_in(folder_);
    if (newest) std::ranges::reverse(days);
    std::vector<Row> rows;
    for (const auto day : days) {
        auto database = connection(day);
        if (!database) return tl::make_unexpected(database.error());
        auto statement = (*database)->prepare(newest ? "SELECT trade_id, trade_ns, receive_ns, price_e8, quantity_e8, buyer_is_maker, correlation FROM trades "
                                                       "WHERE symbol_id=(SELECT id FROM symbols WHERE name=?) AND trade_id>? ORDER BY trade_id DESC LIMIT ?"
                                                     : "SELECT trade_id, trade_ns, receive_ns, price_e8, quantity_e8, buyer_is_maker, correlation FROM trades "
                                                       "WHERE symbol_id=(SELECT id FROM symbols WHERE name=?) AND trade_id>? ORDER BY trade_id LIMIT ?");
        if (!statement) return tl::make_unexpected(statement.error());
        statement->bind(call.symbol.view(), call.from_id, static_cast<int64_t>(limit - rows.size()));
        for (;;) {
            const auto row = statement->step();
            if (!row) return tl::make_unexpected(row.error());
            if (!*row) break;
            ReplyTrade trade{};
            trade.id = statement->integer(0);
            trade.trade_ns = statement->integer(1);
            trade.receive_ns = statement->integer(2);
            trade.price = statement->integer(3);
            trade.quantity = statement->integer(4);
            trade.traced = {static_cast<uint64_t>(statement->integer(6))};
            rows.push_back({trade, statement->integer(5) != 0});
        }
        if (rows.size() >= limit) break;
    }
    if (newest) std::ranges::reverse(rows);
    return rows;
}

Expected<std::map<std::string, Queries::Totals>> Queries::totals() {
    std::map<std::string, Totals> found;
    for (const auto day : days_in(folder_)) {
        auto database = connection(day);
        if (!database) return tl::make_unexpected(database.error());
        if (auto added = add_totals(**database, found); !added) return tl::make_unexpected(added.error());
    }
    return found;
}

Expected<void> Queries::add_totals(Database& database, std::map<std::string, Totals>& into) {
    auto statement = database.prepare(
        "SELECT name, trades, agg_trades, (SELECT coalesce(sum(last_id - first_id + 1), 0) FROM gaps WHERE symbol_id=id), "
        "(SELECT coalesce(sum(repaired), 0) FROM gaps WHERE symbol_id=id), (SELECT coalesce(max(trade_id), 0) FROM trades WHERE symbol_id=id), "
        "(SELECT coalesce(max(agg_id), 0) FROM agg_trades WHERE symbol_id=id) FROM symbols");
    if (!statement) return tl::make_unexpected(statement.error());
    for (;;) {
        const auto row = statement->step();
        if (!row) return tl::make_unexpected(row.error());
        if (!*row) return {};
        auto& total = into[statement->text(0)];
        total.trades += statement->integer(1);
        total.agg_trades += statement->integer(2);
        total.gap_ids += statement->integer(3);
        total.repaired += statement->integer(4);
        total.last_trade_id = std::max(total.last_trade_id, statement->integer(5));
        total.last_agg_id = std::max(total.last_agg_id, statement->integer(6));
    }
}

Expected<Database*> Queries::connection(int64_t day) {
    if (const auto open = connections_.find(day); open != connections_.end()) return &open->second;
    auto database = Database::open(day_path(folder_, day), Database::Mode::read);
    if (!database) return tl::make_unexpected(database.error());
    if (connections_.size() >= connections_max) connections_.erase(connections_.begin());
    return &connections_.emplace(day, std::move(*database)).first->second;
}

}  // namespace of::storage
