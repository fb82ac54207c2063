#include "tests/integration/tape_run.hpp"

#include <fmt/format.h>

#include <map>
#include <random>
#include <set>

#include "tests/integration/trace_check.hpp"
#include "workers/runtime/clock.hpp"

namespace of::integration {
namespace {

constexpr uint32_t client_backlog = 5000;
/// Before the end of the market, so that what a killed feed missed is followed by something that shows the gap.
constexpr double quiet_end_seconds = 3;
constexpr double quiet_end_share = 0.05;

}  // namespace

Expected<RunResult> TapeRun::run() {
    result_.seed = options_.seed;
    if (auto started = start(); !started) return tl::make_unexpected(started.error());
    if (auto played = play(); !played) return tl::make_unexpected(played.error());
    settle();
    result_.seconds = elapsed_seconds();
    check_traces();
    read_books();
    read_metrics();
    check_siblings();
    check_client();
    for (auto& problem : system_->stop_supervisor()) result_.problems.push_back(std::move(problem));
    read_store();
    result_.check_conservation();
    if (!options_.golden.empty()) check_golden(options_.golden, result_);
    return std::move(result_);
}

Expected<void> TapeRun::start() {
    if (!options_.synthetic()) {
        auto facts = read_tape_facts(options_.tape);
        if (!facts) return tl::make_unexpected(facts.error());
        facts_ = *facts;
    }
    auto system = System::make(options_);
    if (!system) return tl::make_unexpected(system.error());
    system_ = std::move(*system);
    if (auto started = system_->start_exchange(); !started) return started;
    if (auto started = system_->start_supervisor(); !started) return started;
    SubscriberOptions client;
    client.port = std::to_string(system_->api().port());
    client.backlog = client_backlog;
    client_ = std::make_unique<Subscriber>(std::move(client));
    client_->start();
    started_ns_ = mono_ns();
    say(fmt::format("instance {} in {}, API on port {}", system_->instance(), system_->folder(),
                    system_->api().port()));
    return system_->wait_healthy();
}

double TapeRun::elapsed_seconds() const { return static_cast<double>(mono_ns() - started_ns_) / 1e9; }

void TapeRun::say(const std::string& text) const {
    if (options_.verbose)
        fmt::print(stderr, "of-tape-run: {:7.2f} s: {}\n", started_ns_ == 0 ? 0.0 : elapsed_seconds(), text);
}

bool TapeRun::market_over(const ExchangeStatus& status) {
    if (options_.synthetic() && !finish_asked_ && elapsed_seconds() >= options_.seconds)
        finish_asked_ = system_->exchange().finish().has_value();
    return status.finished;
}

bool TapeRun::may_kill(const ExchangeStatus& status) const {
    if (options_.synthetic()) return elapsed_seconds() < options_.seconds - quiet_end_seconds;
    const double seconds = options_.speed == "max" ? 0 : facts_.seconds / std::stod(options_.speed);
    const double quiet_share = seconds > 0 ? std::max(quiet_end_share, quiet_end_seconds / seconds) : 0.2;
    return static_cast<double>(status.played) < static_cast<double>(facts_.frames) * (1 - quiet_share);
}

Expected<void> TapeRun::revive_supervisor() {
    if (!wait_for(10s, [&] { return system_->supervisor_pid() == 0 || !system_->broken().empty(); }))
        return fail(ErrorKind::failed, "the killed supervisor did not end");
    return system_->start_supervisor();
}

Expected<void> TapeRun::play() {
    killer_.start(mono_ns());
    for (;;) {
        const auto status = system_->exchange().status();
        if (!status) return tl::make_unexpected(status.error());
        played_ = *status;
        if (market_over(*status)) return {};
        if (interrupted()) return fail(ErrorKind::failed, "interrupted");
        if (may_kill(*status) && killer_.poll(system_->view(), system_->supervisor_pid(), mono_ns())) {
            const auto& kill = killer_.kills().back();
            say(fmt::format("killed {} (pid {}) at {} frames", kill.victim, kill.pid, status->played));
            if (kill.victim != "supervisor") continue;
            if (auto revived = revive_supervisor(); !revived) return revived;
        }
        if (const auto problem = system_->broken(); !problem.empty()) return fail(ErrorKind::failed, problem);
        system_->note_processes();
        std::this_thread::sleep_for(20ms);
    }
}

void TapeRun::settle() {
    say(fmt::format("the market is over after {} frames; waiting for the store", played_.played));
    if (const auto status = system_->exchange().status()) played_ = *status;
    std::string lacking;
    const auto limit = Milliseconds(static_cast<int64_t>(options_.settle_seconds * 1000));
    const bool settled = wait_for(
        limit,
        [&] {
            const auto broken = system_->broken();
            lacking = broken.empty() ? missing() : broken;
            return lacking.empty() || !broken.empty();
        },
        50ms);
    if (!settled || !lacking.empty())
        result_.problems.push_back(fmt::format("{} s after the market's end: {}", options_.settle_seconds, lacking));
    say(lacking.empty() ? "all is stored, and the books are there" : lacking);
}

std::string TapeRun::missing() {
    if (!system_->api().healthy()) return "not all workers run";
    const auto stats = system_->api().stats();
    if (!stats) return stats.error().message;
    for (const auto& [symbol, played] : played_.symbols) {
        if (auto lacking = missing_of(symbol, played, *stats); !lacking.empty()) return lacking;
    }
    return "";
}

std::string TapeRun::missing_of(const std::string& symbol, const SymbolPlayed& played, const Stats& stats) {
    const auto row = stats.find(symbol);
    const auto stored = row == stats.end() ? StoredCounts{} : row->second;
    const auto played_ids = played.trades + played.agg_trades;
    const auto known_ids = stored.trades + stored.agg_trades + stored.gaps_open;
    if (known_ids != played_ids)
        return fmt::format(
            "{}: {} trades and {} aggregate trades were played; {} and {} are stored, {} ids are open gaps", symbol,
            played.trades, played.agg_trades, stored.trades, stored.agg_trades, stored.gaps_open);
    const auto book = system_->api().book(symbol);
    if (!book) return book.error().message;
    if (book->state != "synced" || book->last_update_id != played.last_update_id)
        return fmt::format("{}: the book is {} at update {}, the exchange's at {}", symbol, book->state,
                           book->last_update_id, played.last_update_id);
    return "";
}

void TapeRun::read_books() {
    for (const auto& [symbol, played] : played_.symbols) {
        auto& result = result_.symbols[symbol];
        result.trades_played = played.trades;
        result.agg_trades_played = played.agg_trades;
        result.played_update_id = played.last_update_id;
        const auto book = system_->api().book(symbol);
        if (!book) {
            result_.problems.push_back(book.error().message);
            continue;
        }
        result.book_state = book->state;
        result.book_sha256 = digest_of(*book);
        result.final_update_id = book->last_update_id;
        if (!book->bids.empty()) result.best_bid = book->bids.front();
        if (!book->asks.empty()) result.best_ask = book->asks.front();
        result.bid_levels = book->bids.size();
        result.ask_levels = book->asks.size();
        result.oracle_compared = book->oracle_compared;
        result.oracle_mismatched = book->oracle_mismatched;
        result.book_resets = book->resets;
    }
}

void TapeRun::read_metrics() {
    const auto& view = system_->view();
    wait_for(300ms, [&] { return counters_are_current(); });
    result_.lapped = view.lapped("storage");
    result_.restarts = view.restarts();
    result_.duplicates = view.metric(ProcessKind::storage, "rows_duplicate_total");
    result_.oracle_compared = view.metric(ProcessKind::binance, "oracle_compared_total");
    result_.oracle_mismatched = view.metric(ProcessKind::binance, "oracle_mismatched_total");
    result_.receive_to_ring = view.latency(ProcessKind::binance, "receive_to_ring_ns");
    result_.receive_to_disk = view.latency(ProcessKind::storage, "receive_to_disk_ns");
    result_.kills = killer_.kills();
    if (result_.oracle_mismatched != 0)
        result_.problems.push_back(
            fmt::format("{} books differed from the exchange's best quote", result_.oracle_mismatched));
}

/// Nobody but the killed was restarted, each once for each of its processes.
void TapeRun::check_siblings() {
    std::map<std::string, std::set<uint64_t>> killed;
    for (const auto& kill : killer_.kills()) killed[kill.victim].insert(kill.pid);
    if (killed.contains("supervisor")) return;  // with it, all of them end
    for (const auto& row : system_->view().workers()) {
        if (row.restarts != killed[row.name].size())
            result_.problems.push_back(fmt::format("{} was killed {} times and restarted {} times", row.name,
                                                   killed[row.name].size(), row.restarts));
    }
}

/// Each process publishes its metrics every 100 ms; what a killed one had counted since its last batch never comes.
bool TapeRun::counters_are_current() const {
    uint64_t stored = 0;
    const auto stats = system_->api().stats();
    if (!stats) return false;
    for (const auto& [symbol, counts] : *stats) stored += counts.trades;
    return system_->view().metric(ProcessKind::storage, "rows_stored_total", "table=\"trades\"") == stored;
}

/// What a client must never see; holes only where a kill explains them.
void TapeRun::check_client() {
    uint64_t played = 0;
    for (const auto& [symbol, counts] : played_.symbols) played += counts.trades;
    wait_for(2s, [&] { return client_->report().ids() >= played; });
    client_->stop();
    result_.client = client_->report();
    result_.receive_to_client = result_.client.receive_to_client;
    const auto& client = result_.client;
    const auto add = [&](uint64_t count, const char* what) {
        if (count != 0) result_.problems.push_back(fmt::format("the WebSocket client got {} {}", count, what));
    };
    add(client.twice(), "trades twice over one connection");
    add(client.unreadable, "messages that it could not read");
    if (killer_.kills().empty())
        add(played - std::min(played, client.ids()), "trades too few, though nothing was killed");
    for (const auto& refusal : client.refusals)
        result_.problems.push_back(fmt::format("the WebSocket client was refused: {}", refusal));
}

void TapeRun::check_traces() {
    if (options_.trace_check == 0) return;
    std::vector<std::string> all;
    for (const auto& [symbol, played] : played_.symbols) {
        const auto found = system_->api().correlations(symbol, 10'000);
        if (!found) return result_.problems.push_back(found.error().message);
        all.insert(all.end(), found->begin(), found->end());
    }
    std::mt19937_64 random(options_.seed);
    std::ranges::shuffle(all, random);
    all.resize(std::min<size_t>(all.size(), options_.trace_check));
    for (const auto& correlation : all) {
        const auto problem = check_trace(system_->instance(), correlation);
        if (!problem.empty()) return result_.problems.push_back(problem);
        ++result_.traces_checked;
    }
    if (all.size() < options_.trace_check)
        result_.problems.push_back(fmt::format("only {} stored trades to look up", all.size()));
}

void TapeRun::read_store() {
    const auto counts = integration::read_store(system_->data_dir());
    if (!counts) return result_.problems.push_back(counts.error().message);
    for (const auto& [symbol, stored] : *counts) {
        result_.symbols[symbol].stored = stored;
        result_.repaired += stored.repaired;
    }
}

}  // namespace of::integration
