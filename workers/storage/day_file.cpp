#include "workers/storage/day_file.hpp"

#include <filesystem>

#include "workers/storage/schema.hpp"

namespace of::storage {
namespace {

constexpr int page_bytes = 8192;
constexpr int64_t journal_bytes_max = 64 << 20;

/// `text` with each "${word}" or "${word column}" replaced by `expression`, X being the column.
std::string expand(std::string text, std::string_view word, std::string_view expression) {
    const auto opening = fmt::format("${{{}", word);
    for (auto at = text.find(opening); at != std::string::npos; at = text.find(opening, at)) {
        const auto end = text.find('}', at);
        const auto from = at + opening.size() + 1;
        const auto column = from < end ? text.substr(from, end - from) : "";
        std::string value(expression);
        for (auto x = value.find('X'); x != std::string::npos; x = value.find('X')) value.replace(x, 1, column);
        text.replace(at, end - at + 1, value);
    }
    return text;
}

std::string views() {
    auto text = expand(std::string(schema_views), "time", time_expression);
    text = expand(std::move(text), "decimal", decimal_expression);
    return expand(std::move(text), "correlation", correlation_expression);
}

}  // namespace

Expected<void> verify(Database& database) {
    const auto name = std::filesystem::path(database.path()).filename().string();
    const auto application = database.integer("PRAGMA application_id");
    if (!application) return tl::make_unexpected(application.error());
    const auto version = database.integer("PRAGMA user_version");
    if (!version) return tl::make_unexpected(version.error());
    if (*application != application_id)
        return fail(ErrorKind::corrupt, fmt::format("{} is a SQLite file, but not one of this store", name));
    if (*version != schema_version)
        return fail(ErrorKind::mismatch,
                    fmt::format("{} has schema version {}, this program knows {}", name, *version, schema_version));
    return {};
}

Expected<void> each_id(Database& database, GapKind kind, int64_t symbol_id, IdRange range,
                       const std::function<void(int64_t)>& take) {
    auto statement = database.prepare(fmt::format("SELECT {0} FROM {1} WHERE symbol_id = ? AND {0} BETWEEN ? AND ?",
                                                  id_column_of(kind), table_of(kind)));
    if (!statement) return tl::make_unexpected(statement.error());
    statement->bind(symbol_id, range.first, range.last);
    while (true) {
        const auto row = statement->step();
        if (!row) return tl::make_unexpected(row.error());
        if (!*row) return {};
        take(statement->integer(0));
    }
}

Expected<std::unique_ptr<DayFile>> DayFile::open(const std::string& path, Synchronous synchronous) {
    auto database = Database::open(path, Mode::read_write);
    if (!database) return tl::make_unexpected(database.error());
    std::unique_ptr<DayFile> file(new DayFile(std::move(*database)));
    if (auto prepared = file->prepare(synchronous); !prepared) return tl::make_unexpected(prepared.error());
    return file;
}

Expected<void> DayFile::prepare(Synchronous synchronous) {
    // The page size counts only before the first page is written, that is, in a new file.
    const auto pragmas = fmt::format(
        "PRAGMA page_size = {}; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; "
        "PRAGMA journal_size_limit = {}; PRAGMA synchronous = {}",
        page_bytes, journal_bytes_max, synchronous == Synchronous::full ? "FULL" : "NORMAL");
    return database_.integer("SELECT count(*) FROM sqlite_schema")
        .and_then([&](int64_t objects) -> Expected<void> {
            if (auto set = database_.run(pragmas); !set) return set;
            return objects == 0 ? create_schema() : verify(database_);
        })
        .and_then([&] { return prepare_statements(); });
}

Expected<void> DayFile::create_schema() {
    return database_.run(
        fmt::format("BEGIN IMMEDIATE; PRAGMA application_id = {}; PRAGMA user_version = {}; {} {} COMMIT",
                    application_id, schema_version, schema_tables, views()));
}

Expected<void> DayFile::prepare_statements() {
    const std::pair<std::optional<Statement>*, std::string_view> wanted[] = {
        {&insert_symbol_, "INSERT OR IGNORE INTO symbols(name) VALUES(?)"},
        {&find_symbol_, "SELECT id FROM symbols WHERE name = ?"},
        {&insert_trade_, "INSERT OR IGNORE INTO trades VALUES(?,?,?,?,?,?,?,?,?,?)"},
        {&insert_agg_, "INSERT OR IGNORE INTO agg_trades VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"},
        {&put_gap_,
         "INSERT INTO gaps VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET cause = excluded.cause, "
         "repaired = max(repaired, excluded.repaired), finished_ns = max(finished_ns, excluded.finished_ns)"},
        {&count_,
         "INSERT INTO counters VALUES(?,?,?,?) ON CONFLICT DO UPDATE SET rows = rows + excluded.rows, "
         "last_id = iif(excluded.last_id, excluded.last_id, last_id)"},
        {&cursor_, "INSERT OR REPLACE INTO cursors VALUES(?,?,?)"},
    };
    for (const auto& [slot, sql] : wanted) {
        auto statement = database_.prepare(sql);
        if (!statement) return tl::make_unexpected(statement.error());
        slot->emplace(std::move(*statement));
    }
    const auto take_pages = [](void* to, sqlite3*, const char*, int pages) {
        *static_cast<int*>(to) = pages;
        return SQLITE_OK;
    };
    sqlite3_wal_hook(database_.handle(), take_pages, wal_pages_.get());
    return {};
}

Expected<int64_t> DayFile::symbol(const std::string& name) {
    if (const auto known = symbols_.find(name); known != symbols_.end()) return known->second;
    if (auto inserted = insert_symbol_->bind(std::string_view(name)).run(); !inserted)
        return tl::make_unexpected(inserted.error());
    const auto row = find_symbol_->bind(std::string_view(name)).step();
    if (!row) return tl::make_unexpected(row.error());
    const auto id = find_symbol_->integer(0);
    find_symbol_->rewind();
    return symbols_[name] = id;
}

Expected<bool> DayFile::changed(Statement& statement) {
    return statement.run().map([this] { return database_.changes() != 0; });
}

Expected<bool> DayFile::insert(int64_t symbol_id, const Trade& trade) {
    const int64_t maker = trade.buyer_is_maker();
    const int64_t repaired = (trade.header.flags & flag_repaired) != 0;
    return changed(insert_trade_->bind(symbol_id, trade.id, trade.price, trade.quantity, trade.trade_ns, trade.event_ns,
                                       trade.receive_ns, maker, repaired,
                                       static_cast<int64_t>(trade.header.correlation.value)));
}

Expected<bool> DayFile::insert(int64_t symbol_id, const AggTrade& trade) {
    const int64_t maker = trade.buyer_is_maker();
    const int64_t repaired = (trade.header.flags & flag_repaired) != 0;
    return changed(insert_agg_->bind(symbol_id, trade.id, trade.first_id, trade.last_id, trade.price, trade.quantity,
                                     trade.trade_ns, trade.event_ns, trade.receive_ns, maker, repaired,
                                     static_cast<int64_t>(trade.header.correlation.value)));
}

Expected<void> DayFile::put_gap(int64_t symbol_id, const GapRow& gap) {
    return put_gap_
        ->bind(symbol_id, static_cast<int64_t>(gap.kind), gap.ids.first, gap.ids.last, gap.cause, gap.detected_ns,
               static_cast<int64_t>(gap.repaired), gap.finished_ns, static_cast<int64_t>(gap.correlation.value))
        .run();
}

Expected<void> DayFile::count(int64_t symbol_id, GapKind kind, uint64_t rows, int64_t last_id) {
    return count_->bind(symbol_id, static_cast<int64_t>(kind), static_cast<int64_t>(rows), last_id).run();
}

Expected<void> DayFile::set_cursor(const std::string& channel, uint64_t generation, uint64_t position) {
    return cursor_->bind(std::string_view(channel), static_cast<int64_t>(generation), static_cast<int64_t>(position))
        .run();
}

void DayFile::checkpoint(int mode) {
    int pages = 0;
    int moved = 0;
    sqlite3_wal_checkpoint_v2(database_.handle(), nullptr, mode, &pages, &moved);
    *wal_pages_ = std::max(0, pages - moved);
}

}  // namespace of::storage
