#include "tests/integration/summary.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <charconv>

#include "proto/settings.hpp"
#include "tests/integration/report.hpp"

namespace of::integration {
namespace {

struct Target {
    std::string instance;
    uint16_t port = 0;
};

constexpr settings::Key instance_keys[] = {{.name = "name", .fallback = R"("orderflow")", .help = "of the instance"}};
constexpr settings::Key communication_keys[] = {
    {.name = "listen", .fallback = R"("127.0.0.1:8080")", .help = "where the API is"}};
constexpr settings::Section sections[] = {{"instance", instance_keys}, {"communication", communication_keys}};

/// Only two values are wanted; that the other keys are right is checked by the programs that own them.
Expected<Target> read_target(const std::string& config) {
    static constexpr std::string_view others[] = {"*"};
    const auto loaded = settings::load(config, sections, others);
    if (access(config.c_str(), R_OK) != 0)
        return fail(ErrorKind::missing, fmt::format("configuration {} cannot be read", config));
    const std::string listen(loaded["communication"].text("listen"));
    const auto digits = listen.substr(listen.rfind(':') + 1);
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size() || port == 0)
        return fail(ErrorKind::invalid,
                    fmt::format("{}: [communication] listen = \"{}\" names no port", config, listen));
    return Target{std::string(loaded["instance"].text("name")), port};
}

class Summariser {
  public:
    Summariser(const Target& target, InstanceView view) : api_(target.port), view_(std::move(view)) {}

    Expected<void> finish_market(const std::string& exchange_file, Milliseconds limit);
    Summary wait(Milliseconds limit);

  private:
    bool look();
    uint64_t published() const;
    uint64_t stored_since_start(const Stats& stats) const;
    void add_symbols(const Stats& stats);
    std::string complaint() const;

    ApiClient api_;
    InstanceView view_;
    std::optional<ExchangeStatus> market_;
    uint64_t published_before_ = 0;
    Summary summary_;
    std::string obstacle_;
};

Expected<void> Summariser::finish_market(const std::string& exchange_file, Milliseconds limit) {
    auto address = read_exchange_file(exchange_file);
    if (!address) return tl::make_unexpected(address.error());
    const ExchangeClient exchange(std::move(*address));
    if (auto finished = exchange.finish(); !finished) return finished;
    Expected<ExchangeStatus> status = fail(ErrorKind::failed, "");
    const bool over = wait_for(limit, [&] {
        status = exchange.status();
        return status.has_value() && status->finished;
    });
    if (!status) return tl::make_unexpected(status.error());
    if (!over) return fail(ErrorKind::failed, "the stand-in exchange did not flush its last messages in time");
    market_ = *status;
    return {};
}

/// The ring itself tells exactly, as long as nothing in it was overwritten; a killed feed may have died before it
/// published its last metrics.
uint64_t Summariser::published() const {
    if (const auto counted = view_.count_market()) return counted->trades;
    return view_.metric(ProcessKind::binance, "market_published_total", "type=\"trade\"");
}

/// The stand-in's markets begin with an empty store. A real one's store may hold other days: there the rows of this run
/// count.
uint64_t Summariser::stored_since_start(const Stats& stats) const {
    if (!market_)
        return view_.metric(ProcessKind::storage, "rows_stored_total", "table=\"trades\"") +
               view_.metric(ProcessKind::storage, "rows_duplicate_total");
    uint64_t sum = 0;
    for (const auto& [symbol, row] : stats) sum += row.trades;
    return sum;
}

void Summariser::add_symbols(const Stats& stats) {
    summary_.lost = view_.lapped("storage");
    summary_.repaired = 0;
    for (const auto& [symbol, row] : stats) {
        auto& entry = summary_.symbols[symbol];
        entry.stored = row;
        summary_.lost += row.gaps_open;
        summary_.repaired += row.gaps_repaired;
        if (market_ && market_->symbols.contains(symbol)) entry.played = market_->symbols.at(symbol);
        if (const auto book = api_.book(symbol)) entry.book_state = book->state;
    }
}

/// Why this is not yet the end, or "".
std::string Summariser::complaint() const {
    if (summary_.lost != 0)
        return fmt::format("{} messages were lost on the way to the store, or are missing from the feed",
                           summary_.lost);
    const auto wanted = market_ ? summary_.published : published_before_;
    const bool all_stored = market_ ? summary_.stored == wanted : summary_.stored >= wanted;
    if (!all_stored) return fmt::format("{} trades were published and {} are stored", wanted, summary_.stored);
    if (!market_) return "";
    for (const auto& [symbol, played] : market_->symbols) {
        const auto entry = summary_.symbols.find(symbol);
        const uint64_t stored = entry == summary_.symbols.end() ? 0 : entry->second.stored.trades;
        if (stored != played.trades)
            return fmt::format("the exchange played {} trades of {} and {} are stored", played.trades, symbol, stored);
    }
    return "";
}

bool Summariser::look() {
    summary_.published = published();
    const auto stats = api_.stats();
    if (!stats) {
        summary_.problem = stats.error().message;
        return false;
    }
    add_symbols(*stats);
    summary_.stored = stored_since_start(*stats);
    summary_.problem = complaint();
    return summary_.problem.empty();
}

Summary Summariser::wait(Milliseconds limit) {
    published_before_ = published();
    wait_for(limit, [&] { return look(); }, 50ms);
    summary_.logged = view_.metric(ProcessKind::logger, "records_written_total");
    summary_.delivered = view_.metric(ProcessKind::communication, "messages_delivered_total");
    summary_.restarts = view_.restarts();
    return summary_;
}

std::string symbol_json(const std::string& name, const SummarySymbol& symbol) {
    const auto played = symbol.played ? fmt::format(R"("trades_played":{},"agg_trades_played":{},)",
                                                    symbol.played->trades, symbol.played->agg_trades)
                                      : "";
    return fmt::format(
        R"({}:{{{}"trades_stored":{},"agg_trades_stored":{},"gaps_open":{},"gaps_repaired":{},"book":"{}"}})",
        json_text(name), played, symbol.stored.trades, symbol.stored.agg_trades, symbol.stored.gaps_open,
        symbol.stored.gaps_repaired, symbol.book_state);
}

}  // namespace

Expected<Summary> summarise(const SummaryOptions& options) {
    const auto target = read_target(options.config);
    if (!target) return tl::make_unexpected(target.error());
    auto view = InstanceView::open(target->instance);
    if (!view) return tl::make_unexpected(view.error());
    const auto limit = Milliseconds(static_cast<int64_t>(options.wait_seconds * 1000));
    Summariser summariser(*target, std::move(*view));
    if (!options.exchange.empty()) {
        if (auto finished = summariser.finish_market(options.exchange, limit); !finished)
            return tl::make_unexpected(finished.error());
    }
    return summariser.wait(limit);
}

std::string json_of(const Summary& summary) {
    std::string symbols;
    for (const auto& [name, symbol] : summary.symbols)
        symbols += (symbols.empty() ? "" : ",") + symbol_json(name, symbol);
    return fmt::format(
        R"({{"published":{},"stored":{},"logged":{},"delivered":{},"lost":{},"repaired":{},"restarts":{},"symbols":{{{}}}}})",
        summary.published, summary.stored, summary.logged, summary.delivered, summary.lost, summary.repaired,
        summary.restarts, symbols);
}

std::string page_of(const Summary& summary) {
    auto page = fmt::format("published {}, stored {}, logged {}, delivered {}, lost {}, repaired {}, restarts {}\n",
                            summary.published, summary.stored, summary.logged, summary.delivered, summary.lost,
                            summary.repaired, summary.restarts);
    for (const auto& [name, symbol] : summary.symbols) {
        page += fmt::format("{:<12} {} trades and {} aggregate trades stored, {} ids missing, {} repaired, book {}\n",
                            name, symbol.stored.trades, symbol.stored.agg_trades, symbol.stored.gaps_open,
                            symbol.stored.gaps_repaired, symbol.book_state);
    }
    return page;
}

}  // namespace of::integration
