// One UTC day's SQLite file, open for writing: its statements, and the transaction that a batch is.
//
// Made whole in one transaction when it is not there; a file of another program, another schema version, or a
// damaged one is refused with a sentence. After any error the owner throws this object away and opens the
// file anew.
#pragma once

#include <functional>
#include <optional>
#include <unordered_map>

#include "proto/market.hpp"
#include "workers/storage/database.hpp"
#include "workers/storage/day.hpp"
#include "workers/storage/id_ranges.hpp"

namespace of::storage {

enum class Synchronous : uint8_t { normal, full };

/// A row of the gap ledger.
struct GapRow {
    GapKind kind = GapKind::trade;
    IdRange ids;
    std::string_view cause;
    int64_t detected_ns = 0;
    uint64_t repaired = 0;
    int64_t finished_ns = 0;
    CorrelationId correlation;
};

constexpr std::string_view table_of(GapKind kind) { return kind == GapKind::trade ? "trades" : "agg_trades"; }
constexpr std::string_view id_column_of(GapKind kind) { return kind == GapKind::trade ? "trade_id" : "agg_id"; }

/// That this is a store of this version.
Expected<void> verify(Database& database);
/// Calls `take` for each stored id of the range, in order.
Expected<void> each_id(Database& database, GapKind kind, int64_t symbol_id, IdRange range,
                       const std::function<void(int64_t)>& take);

class DayFile {
  public:
    static Expected<std::unique_ptr<DayFile>> open(const std::string& path, Synchronous synchronous);

    Expected<void> begin() { return database_.run("BEGIN IMMEDIATE"); }
    Expected<void> commit() { return database_.run("COMMIT"); }

    /// This file's number for a symbol; a new row for a new one.
    Expected<int64_t> symbol(const std::string& name);
    /// False when the row is there already.
    Expected<bool> insert(int64_t symbol_id, const Trade& trade);
    Expected<bool> insert(int64_t symbol_id, const AggTrade& trade);
    /// A gap that is known already keeps its repair and takes the newer cause.
    Expected<void> put_gap(int64_t symbol_id, const GapRow& gap);
    /// Adds to the counters. last_id = 0 leaves it as it is.
    Expected<void> count(int64_t symbol_id, GapKind kind, uint64_t rows, int64_t last_id);
    Expected<void> set_cursor(const std::string& channel, uint64_t generation, uint64_t position);

    Database& database() { return database_; }
    /// Pages in the write-ahead log after the last commit.
    int wal_pages() const { return *wal_pages_; }
    /// SQLITE_CHECKPOINT_PASSIVE or _TRUNCATE. A reader may keep some pages back; the next one takes them.
    void checkpoint(int mode);

  private:
    explicit DayFile(Database database) : database_(std::move(database)), wal_pages_(std::make_unique<int>(0)) {}
    Expected<void> prepare(Synchronous synchronous);
    Expected<void> create_schema();
    Expected<void> prepare_statements();
    Expected<bool> changed(Statement& statement);

    Database database_;
    std::unique_ptr<int> wal_pages_;
    std::optional<Statement> insert_symbol_, find_symbol_, insert_trade_, insert_agg_, put_gap_, count_, cursor_;
    std::unordered_map<std::string, int64_t> symbols_;
};

}  // namespace of::storage
