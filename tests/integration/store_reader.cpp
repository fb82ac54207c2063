#include "tests/integration/store_reader.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>
#include <functional>
#include <memory>

#include "tests/integration/id_set.hpp"

namespace of::integration {
namespace {

struct Kind {
    const char* table;
    const char* id;
    int number;  ///< in table gaps
};
constexpr Kind trade_kind{"trades", "trade_id", 0};
constexpr Kind agg_kind{"agg_trades", "agg_id", 1};

/// What all files together say of one symbol and kind.
struct Ids {
    IdSet stored;
    IdSet ledger;
    uint64_t rows = 0;
    uint64_t repaired = 0;
};
using IdsOfSymbols = std::map<std::string, std::array<Ids, 2>>;

using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;
using Statement = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

Expected<Database> open_file(const std::string& path) {
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
    Database database(raw, sqlite3_close);
    if (code != SQLITE_OK) return fail(ErrorKind::failed, fmt::format("{}: {}", path, sqlite3_errmsg(raw)));
    return database;
}

std::string text_at(sqlite3_stmt* row, int column) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
    return text == nullptr ? "" : text;
}

Expected<void> each_row(sqlite3* database, const std::string& sql, const std::function<void(sqlite3_stmt*)>& take) {
    sqlite3_stmt* raw = nullptr;
    int code = sqlite3_prepare_v2(database, sql.c_str(), -1, &raw, nullptr);
    const Statement statement(raw, sqlite3_finalize);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(raw);
        if (code == SQLITE_ROW) take(raw);
    }
    if (code == SQLITE_DONE) return {};
    return fail(ErrorKind::corrupt,
                fmt::format("{}: {} ({})", sqlite3_db_filename(database, "main"), sqlite3_errmsg(database), sql));
}

Expected<void> check_integrity(sqlite3* database) {
    std::string verdict;
    auto checked = each_row(database, "PRAGMA integrity_check", [&](auto* row) { verdict += text_at(row, 0); });
    if (!checked || verdict == "ok") return checked;
    return fail(ErrorKind::corrupt,
                fmt::format("{}: integrity check: {}", sqlite3_db_filename(database, "main"), verdict));
}

Expected<void> read_kind(sqlite3* database, const Kind& kind, IdsOfSymbols& ids) {
    const auto slot = static_cast<size_t>(kind.number);
    const auto rows =
        fmt::format("SELECT s.name, {0}, repaired FROM {1} JOIN symbols s ON s.id = symbol_id ORDER BY symbol_id, {0}",
                    kind.id, kind.table);
    const auto gaps = fmt::format(
        "SELECT s.name, first_id, last_id FROM gaps JOIN symbols s ON s.id = symbol_id WHERE kind = {}", kind.number);
    auto read = each_row(database, rows, [&](auto* row) {
        auto& of_symbol = ids[text_at(row, 0)][slot];
        of_symbol.stored.add(sqlite3_column_int64(row, 1));
        of_symbol.repaired += sqlite3_column_int64(row, 2) != 0 ? 1 : 0;
        ++of_symbol.rows;
    });
    if (!read) return read;
    return each_row(database, gaps, [&](auto* row) {
        ids[text_at(row, 0)][slot].ledger.add(sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2));
    });
}

Expected<void> read_file(const std::string& path, IdsOfSymbols& ids) {
    auto database = open_file(path);
    if (!database) return tl::make_unexpected(database.error());
    for (const auto& kind : {trade_kind, agg_kind}) {
        if (auto read = read_kind(database->get(), kind, ids); !read) return read;
    }
    return check_integrity(database->get());
}

/// Ids of the ledger that are in no file.
uint64_t missing_of(const Ids& ids) {
    IdSet both = ids.stored;
    both.add(ids.ledger);
    return both.size() - ids.stored.size();
}

/// Ids that lie between stored or missed ones and were never heard of.
uint64_t silent_of(const Ids& ids) {
    IdSet both = ids.stored;
    both.add(ids.ledger);
    return both.holes();
}

}  // namespace

Expected<std::map<std::string, StoreCounts>> read_store(const std::string& folder) {
    IdsOfSymbols ids;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (entry.path().extension() != ".sqlite") continue;
        if (auto read = read_file(entry.path().string(), ids); !read) return tl::make_unexpected(read.error());
    }
    if (error) return fail(ErrorKind::missing, fmt::format("the store's folder {}: {}", folder, error.message()));
    std::map<std::string, StoreCounts> counts;
    for (const auto& [symbol, kinds] : ids) {
        const auto& [trades, agg_trades] = kinds;
        counts[symbol] = {trades.rows,
                          agg_trades.rows,
                          missing_of(trades),
                          missing_of(agg_trades),
                          silent_of(trades),
                          silent_of(agg_trades),
                          trades.repaired + agg_trades.repaired};
    }
    return counts;
}

}  // namespace of::integration
