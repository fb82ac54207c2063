#include "tests/exchange/status.hpp"

#include <fmt/format.h>

#include "tests/exchange/clock.hpp"

namespace of::exchange {

namespace {

/// {"name":1,...} of anything that iterates as pairs.
template <class Map>
std::string print_counts(const Map& counts) {
    std::string out = "{";
    for (const auto& [name, value] : counts) out += fmt::format("{}\"{}\":{}", out.size() > 1 ? "," : "", name, value);
    return out + "}";
}

std::map<std::string, uint64_t> by_stream(const std::vector<uint64_t>& counts, const StreamTable& streams) {
    std::map<std::string, uint64_t> out;
    for (size_t id = 0; id < counts.size(); ++id) {
        if (counts[id] != 0) out[streams.name(static_cast<StreamId>(id))] = counts[id];
    }
    return out;
}

std::string print_symbol(const SymbolState& symbol) {
    return fmt::format(
        R"("{}":{{"trades_played":{},"first_trade_id":{},"last_trade_id":{},"agg_trades_played":{},"first_agg_id":{},)"
        R"("last_agg_id":{},"depth_played":{},"last_update_id":{},"bid_levels":{},"ask_levels":{}}})",
        symbol.name, symbol.trades.count, symbol.trades.first_id, symbol.trades.last_id, symbol.agg_trades.count,
        symbol.agg_trades.first_id, symbol.agg_trades.last_id, symbol.depth_played, symbol.book.last_update_id,
        symbol.book.bids.size(), symbol.book.asks.size());
}

std::string print_symbols(const Market& market) {
    std::string out = "{";
    for (const auto& symbol : market.symbols()) out += (out.size() > 1 ? "," : "") + print_symbol(*symbol);
    return out + "}";
}

std::string print_rest(Exchange& exchange) {
    return fmt::format(R"({{"requests":{},"used_weight":{},"status":{},"early_requests":{}}})",
                       print_counts(exchange.rest.requests), exchange.rest_limits.used(wall_us() / 1000),
                       print_counts(exchange.rest.status), exchange.rest.early);
}

std::string print_clients(const Exchange& exchange) {
    const Hub& hub = *exchange.hub;
    return fmt::format(
        R"("clients":{},"connections_accepted":{},"connections_refused":{},"slow_clients_cut":{},"disconnects":{})",
        hub.client_count(), hub.accepted(), exchange.rest.upgrades_refused, hub.overruns(),
        print_counts(hub.disconnects()));
}

}  // namespace

std::string print_status(Exchange& exchange) {
    const Hub& hub = *exchange.hub;
    const auto seed = exchange.market->seed();
    return fmt::format(
        R"({{"mode":"{}","seed":{},"started":{},"paused":{},"finished":{},"played":{},"unread":{},{},"sent":{},"played_by_stream":{},)"
        R"("symbols":{},"faults":{},"held_lost":{},"rest":{}}})",
        exchange.market->mode(), seed ? fmt::format("{}", *seed) : "null", exchange.player->started(),
        exchange.player->paused(), exchange.player->finished(), hub.played_total(), exchange.market->unread_frames(),
        print_clients(exchange), print_counts(by_stream(hub.sent(), exchange.streams)),
        print_counts(by_stream(hub.played(), exchange.streams)), print_symbols(*exchange.market),
        print_counts(exchange.plan.struck()), hub.held_lost(), print_rest(exchange));
}

}  // namespace of::exchange
