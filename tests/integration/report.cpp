#include "tests/integration/report.hpp"

#include <fmt/format.h>
#include <simdjson.h>

namespace of::integration {
namespace {

uint64_t above(uint64_t played, uint64_t stored) { return played > stored ? played - stored : 0; }

std::string level_text(const Level& level) { return fmt::format("[{},{}]", level.price, level.quantity); }

std::string symbol_json(const std::string& name, const SymbolResult& symbol) {
    return fmt::format(
        R"({}:{{"book_sha256":"{}","final_update_id":{},"best_bid":{},"best_ask":{},"oracle_compared":{},"oracle_mismatched":{},)"
        R"("trades_stored":{},"agg_trades_stored":{},"trades_played":{},"agg_trades_played":{},"trades_missing":{},"agg_trades_missing":{},)"
        R"("book_state":"{}","bid_levels":{},"ask_levels":{},"book_resets":{}}})",
        json_text(name), symbol.book_sha256, symbol.final_update_id, level_text(symbol.best_bid),
        level_text(symbol.best_ask), symbol.oracle_compared, symbol.oracle_mismatched, symbol.stored.trades,
        symbol.stored.agg_trades, symbol.trades_played, symbol.agg_trades_played, symbol.stored.trades_missing,
        symbol.stored.agg_trades_missing, symbol.book_state, symbol.bid_levels, symbol.ask_levels, symbol.book_resets);
}

std::string quantiles_json(const Quantiles& q) {
    return fmt::format(R"({{"p50":{},"p99":{},"p999":{},"max":{},"count":{}}})", q.p50, q.p99, q.p999, q.max, q.count);
}

std::string client_json(const SubscriberReport& client) {
    return fmt::format(R"({{"trades":{},"holes":{},"twice":{},"lost":{},"connections":{},"unreadable":{}}})",
                       client.ids(), client.holes(), client.twice(), client.lost, client.connections,
                       client.unreadable);
}

std::string kills_json(const std::vector<Kill>& kills) {
    std::map<std::string, uint64_t> counts;
    for (const auto& kill : kills) ++counts[kill.victim];
    std::string text = "{";
    for (const auto& [victim, count] : counts)
        text += fmt::format("{}{}:{}", text.size() > 1 ? "," : "", json_text(victim), count);
    return text + "}";
}

std::string quantiles_line(const char* name, const Quantiles& q) {
    const auto us = [](uint64_t ns) { return static_cast<double>(ns) / 1000.0; };
    return fmt::format("  {:<18} p50 {:>9.1f}  p99 {:>9.1f}  p99.9 {:>9.1f}  max {:>9.1f}  us, {} messages\n", name,
                       us(q.p50), us(q.p99), us(q.p999), us(q.max), q.count);
}

void check_kind(const std::string& symbol, const char* kind, uint64_t played, uint64_t stored, uint64_t missing,
                std::vector<std::string>& problems) {
    if (stored + missing == played) return;
    problems.push_back(fmt::format("{} {}: {} were played, {} are stored and {} are in the gap ledger, so {} are {}",
                                   symbol, kind, played, stored, missing,
                                   played > stored + missing ? played - stored - missing : stored + missing - played,
                                   played > stored + missing ? "lost in silence" : "too many"));
}

void check_golden_book(const simdjson::dom::element& golden, RunResult& result) {
    const std::string name{std::string_view(golden["symbol"])};
    const auto& found = result.symbols[name];
    const auto compare = [&](const char* what, const std::string& expected, const std::string& actual) {
        if (expected != actual)
            result.problems.push_back(
                fmt::format("{} {}: expected {}, found {}", name, what, expected, actual.empty() ? "none" : actual));
    };
    const auto level = [&](const char* key) { return Level{golden[key].at(0), golden[key].at(1)}; };
    compare("book_sha256", std::string(std::string_view(golden["book_sha256"])), found.book_sha256);
    compare("final_update_id", fmt::to_string(int64_t(golden["final_update_id"])),
            fmt::to_string(found.final_update_id));
    compare("best bid", level_text(level("final_best_bid")), level_text(found.best_bid));
    compare("best ask", level_text(level("final_best_ask")), level_text(found.best_ask));
    compare("trades played", fmt::to_string(uint64_t(golden["trades"])), fmt::to_string(found.trades_played));
}

}  // namespace

uint64_t RunResult::lost() const {
    uint64_t sum = 0;
    for (const auto& [name, symbol] : symbols)
        sum += above(symbol.trades_played, symbol.stored.trades) +
               above(symbol.agg_trades_played, symbol.stored.agg_trades);
    return sum;
}

uint64_t RunResult::gaps_open() const {
    uint64_t sum = 0;
    for (const auto& [name, symbol] : symbols) sum += symbol.stored.trades_missing + symbol.stored.agg_trades_missing;
    return sum;
}

void RunResult::check_conservation() {
    for (const auto& [name, symbol] : symbols) {
        check_kind(name, "trades", symbol.trades_played, symbol.stored.trades, symbol.stored.trades_missing, problems);
        check_kind(name, "aggregate trades", symbol.agg_trades_played, symbol.stored.agg_trades,
                   symbol.stored.agg_trades_missing, problems);
        const auto silent = symbol.stored.trades_silent + symbol.stored.agg_trades_silent;
        if (silent != 0)
            problems.push_back(
                fmt::format("{}: {} ids between stored ones are neither stored nor in the gap ledger", name, silent));
    }
}

std::string json_of(const RunResult& result) {
    std::string symbols, problems;
    for (const auto& [name, symbol] : result.symbols)
        symbols += (symbols.empty() ? "" : ",") + symbol_json(name, symbol);
    for (const auto& problem : result.problems) problems += (problems.empty() ? "" : ",") + json_text(problem);
    return fmt::format(
        R"({{"symbols":{{{}}},"lost":{},"lapped":{},"repaired":{},"restarts":{},"latency_ns":{{"receive_to_ring":{},"receive_to_disk":{},"receive_to_client":{}}},)"
        R"("gaps_open":{},"duplicates":{},"oracle_compared":{},"oracle_mismatched":{},"kills":{},"client":{},"traces_checked":{},"seed":{},"seconds":{:.3f},"conserved":{},"problems":[{}]}})",
        symbols, result.lost(), result.lapped, result.repaired, result.restarts, quantiles_json(result.receive_to_ring),
        quantiles_json(result.receive_to_disk), quantiles_json(result.receive_to_client), result.gaps_open(),
        result.duplicates, result.oracle_compared, result.oracle_mismatched, kills_json(result.kills),
        client_json(result.client), result.traces_checked, result.seed, result.seconds, result.good(), problems);
}

std::string page_of(const RunResult& result) {
    std::string page;
    for (const auto& [name, symbol] : result.symbols) {
        page += fmt::format(
            "{}\n  trades             {} of {} stored, {} in the gap ledger\n  aggregate trades   {} of {} stored, {} "
            "in the gap ledger\n",
            name, symbol.stored.trades, symbol.trades_played, symbol.stored.trades_missing, symbol.stored.agg_trades,
            symbol.agg_trades_played, symbol.stored.agg_trades_missing);
        page += fmt::format(
            "  book               {} at update {}, {} + {} levels, {} of {} comparisons wrong, {} resets\n  sha256     "
            "        {}\n",
            symbol.book_state, symbol.final_update_id, symbol.bid_levels, symbol.ask_levels, symbol.oracle_mismatched,
            symbol.oracle_compared, symbol.book_resets, symbol.book_sha256);
    }
    page += fmt::format("whole run ({:.1f} s, seed {})\n  lost {}, lapped {}, repaired {}, kills {}, restarts {}\n",
                        result.seconds, result.seed, result.lost(), result.lapped, result.repaired, result.kills.size(),
                        result.restarts);
    page += fmt::format("  client             {} trades, {} holes, {} twice, {} lost, {} connections\n",
                        result.client.ids(), result.client.holes(), result.client.twice(), result.client.lost,
                        result.client.connections);
    page += quantiles_line("receive to ring", result.receive_to_ring) +
            quantiles_line("receive to disk", result.receive_to_disk) +
            quantiles_line("receive to client", result.receive_to_client);
    for (const auto& problem : result.problems) page += "PROBLEM: " + problem + "\n";
    return page + (result.good() ? "good: everything that was played is stored or in the gap ledger\n" : "");
}

void check_golden(const std::string& path, RunResult& result) {
    try {
        simdjson::dom::parser parser;
        for (const auto golden : simdjson::dom::array(parser.load(path))) check_golden_book(golden, result);
    } catch (const simdjson::simdjson_error& error) {
        result.problems.push_back(fmt::format("golden file {}: {}", path, error.what()));
    }
}

}  // namespace of::integration
