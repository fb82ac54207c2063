#include "workers/storage/queries.hpp"

#include <algorithm>

namespace of::storage {
namespace {

constexpr size_t connections_max = 4;
/// A single query holds up the batches for no longer than this.
constexpr int64_t query_ns_max = 500 * ns_per_ms;
/// Steps of SQLite's machine between two looks at the clock.
constexpr int steps_between_looks = 1'000;

int past_deadline(void* deadline_ns) { return mono_ns() > *static_cast<const int64_t*>(deadline_ns); }

}  // namespace

void Queries::serve(const Call& call, Reply& reply) {
    switch (call.header.type) {
        case MessageType::call_trades:
            return reply.end(trades(call, reply));
        case MessageType::call_storage_stats:
            return reply.end(stats(call, reply));
        default:
            return reply.end(CallStatus::bad_request);
    }
}

CallStatus Queries::trades(const Call& call, Reply& reply) {
    if (call.symbol.view().empty() || call.limit == 0 || call.from_id < from_first) return CallStatus::bad_request;
    const auto symbol = catalog_.find(call.symbol.view());
    if (!symbol) return CallStatus::not_found;
    const auto deadline = std::min(mono_ns() + query_ns_max, static_cast<int64_t>(call.deadline_ns));
    const auto rows =
        collect({*symbol, call.from_id, std::min(call.limit, trades_max), call.from_id == from_newest, deadline});
    if (!rows) {
        open_.clear();  // the next query opens the files anew
        return mono_ns() > deadline ? CallStatus::timed_out : CallStatus::unavailable;
    }
    for (const auto& row : *rows) {
        const bool room = reply.row<ReplyTrade>(MessageType::reply_trade, [&](ReplyTrade& message) {
            message.header.flags = static_cast<uint8_t>((row.maker != 0 ? flag_buyer_is_maker : 0) |
                                                        (row.repaired != 0 ? flag_repaired : 0));
            message.traced = {static_cast<uint64_t>(row.correlation)};
            message.id = row.id;
            message.trade_ns = row.trade_ns;
            message.receive_ns = row.receive_ns;
            message.price = row.price;
            message.quantity = row.quantity;
        });
        if (!room) return CallStatus::overloaded;
    }
    return CallStatus::ok;
}

/// From the newest day back for the newest rows, from the oldest on for those above an id; the oldest row
/// first.
Expected<std::deque<Queries::Row>> Queries::collect(const Wanted& wanted) {
    std::vector<Day> days;
    for (const auto& [day, rows] : catalog_.days()) {
        const auto found = rows.find(wanted.symbol);
        if (found != rows.end() && found->second[index_of(GapKind::trade)] != 0) days.push_back(day);
    }
    if (wanted.newest) std::ranges::reverse(days);
    std::deque<Row> all;
    for (const auto day : days) {
        if (all.size() >= wanted.limit) break;
        auto part = rows_of(day, wanted, wanted.limit - all.size());
        if (!part) return tl::make_unexpected(part.error());
        if (wanted.newest) {
            for (const auto& row : *part) all.push_front(row);
        } else {
            all.insert(all.end(), part->begin(), part->end());
        }
    }
    return all;
}

Expected<std::vector<Queries::Row>> Queries::rows_of(Day day, const Wanted& wanted, size_t limit) {
    auto database = connection(day);
    if (!database) return tl::make_unexpected(database.error());
    auto deadline = wanted.deadline_ns;
    sqlite3_progress_handler((*database)->handle(), steps_between_looks, past_deadline, &deadline);
    auto statement = (*database)->prepare(fmt::format(
        "SELECT trade_id, price_e8, quantity_e8, trade_ns, receive_ns, buyer_is_maker, repaired, correlation "
        "FROM trades WHERE symbol_id = (SELECT id FROM symbols WHERE name = ?) AND trade_id > ? "
        "ORDER BY trade_id {} LIMIT ?",
        wanted.newest ? "DESC" : "ASC"));
    if (!statement) return tl::make_unexpected(statement.error());
    const std::string_view name = catalog_.symbols()[wanted.symbol].name;
    statement->bind(name, wanted.newest ? from_first : wanted.from_id, static_cast<int64_t>(limit));
    std::vector<Row> rows;
    Expected<bool> row = false;
    while ((row = statement->step()) && *row) {
        const auto at = [&](int column) { return statement->integer(column); };
        rows.push_back({at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)});
    }
    sqlite3_progress_handler((*database)->handle(), 0, nullptr, nullptr);
    if (!row) return tl::make_unexpected(row.error());
    return rows;
}

Expected<Database*> Queries::connection(Day day) {
    for (auto& open : open_) {
        if (open.day == day) return &open.database;
    }
    auto database = Database::open(catalog_.path(day), Mode::read_only);
    if (!database) return tl::make_unexpected(database.error());
    if (open_.size() == connections_max) open_.pop_back();
    open_.push_front({day, std::move(*database)});
    return &open_.front().database;
}

CallStatus Queries::stats(const Call& call, Reply& reply) const {
    const auto wanted = call.symbol.view();
    bool found = wanted.empty();
    for (const auto& totals : catalog_.symbols()) {
        if (!wanted.empty() && totals.name != wanted) continue;
        found = true;
        const auto& trades = totals.tracks[index_of(GapKind::trade)];
        const auto& agg_trades = totals.tracks[index_of(GapKind::agg_trade)];
        const bool room =
            reply.row<ReplyStorageStats>(MessageType::reply_storage_stats, [&](ReplyStorageStats& message) {
                message.symbol.assign(totals.name);
                message.trades = totals.rows[index_of(GapKind::trade)];
                message.agg_trades = totals.rows[index_of(GapKind::agg_trade)];
                message.gaps_open = trades.missing.size() + agg_trades.missing.size();
                message.gaps_repaired = trades.repaired + agg_trades.repaired;
                message.last_trade_id = trades.last;
                message.last_agg_id = agg_trades.last;
            });
        if (!room) return CallStatus::overloaded;
    }
    return found ? CallStatus::ok : CallStatus::not_found;
}

}  // namespace of::storage
