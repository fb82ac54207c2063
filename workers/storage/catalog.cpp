#include "workers/storage/catalog.hpp"

#include <filesystem>

namespace of::storage {
namespace {

/// Calls `take` for each row of `sql`.
template <typename Take>
Expected<void> each_row(Database& database, std::string_view sql, Take take) {
    auto statement = database.prepare(sql);
    if (!statement) return tl::make_unexpected(statement.error());
    while (true) {
        const auto row = statement->step();
        if (!row) return tl::make_unexpected(row.error());
        if (!*row) return {};
        take(*statement);
    }
}

GapKind gap_kind(int64_t number) { return number == 0 ? GapKind::trade : GapKind::agg_trade; }

/// A file that its maker never finished holds nothing yet; it is completed when its day is written.
Expected<bool> is_empty(Database& database) {
    return database.integer("SELECT count(*) FROM sqlite_schema").map([](int64_t objects) { return objects == 0; });
}

}  // namespace

Expected<Catalog> Catalog::load(const std::string& folder) {
    Catalog catalog;
    catalog.folder_ = folder;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (const auto day = day_of_file(entry.path().filename().string())) catalog.days_[*day];
    }
    if (error) return fail(ErrorKind::denied, fmt::format("data directory {}: {}", folder, error.message()));
    for (const auto& [day, rows] : catalog.days_) {
        if (auto loaded = catalog.load_file(day); !loaded) return tl::make_unexpected(loaded.error());
    }
    if (auto removed = catalog.remove_present(); !removed) return tl::make_unexpected(removed.error());
    return catalog;
}

Expected<void> Catalog::load_file(Day day) {
    // For writing, since the log of a killed writer is taken in on the first look, and a read-only connection
    // may not do so.
    auto database = Database::open(path(day), Mode::read_write);
    if (!database) return tl::make_unexpected(database.error());
    const auto empty = is_empty(*database);
    if (!empty) return tl::make_unexpected(empty.error());
    if (*empty) return {};
    return verify(*database)
        .and_then([&] { return load_counters(*database, day); })
        .and_then([&] { return load_gaps(*database, day); })
        .and_then([&] { return load_cursors(*database); });
}

Expected<void> Catalog::load_counters(Database& database, Day day) {
    return each_row(database, "SELECT name, kind, rows, last_id FROM counters JOIN symbols ON symbols.id = symbol_id",
                    [&](Statement& row) {
                        const auto number = symbol(row.text(0));
                        const auto kind = index_of(gap_kind(row.integer(1)));
                        const auto rows = static_cast<uint64_t>(row.integer(2));
                        days_[day][number][kind] += rows;
                        symbols_[number].rows[kind] += rows;
                        if (row.integer(3) != 0)
                            symbols_[number].tracks[kind].last = row.integer(3);  // days come in order
                    });
}

Expected<void> Catalog::load_gaps(Database& database, Day day) {
    return each_row(
        database,
        "SELECT name, kind, first_id, last_id, repaired, finished_ns FROM gaps JOIN symbols ON symbols.id = "
        "symbol_id",
        [&](Statement& row) {
            const GapKey key{symbol(row.text(0)), gap_kind(row.integer(1)), row.integer(2)};
            auto& track = symbols_[key.symbol].tracks[index_of(key.kind)];
            const IdRange ids{key.first_id, row.integer(3)};
            if (row.integer(5) == 0) open_gaps_[key] = day;
            if (static_cast<uint64_t>(row.integer(4)) == ids.size()) {
                track.repaired += ids.size();
            } else if (ids.first <= ids.last) {
                track.missing.add(ids);
            }
        });
}

/// Ids of ledger entries that came after all, whatever the entry says: the rows are the truth.
Expected<void> Catalog::remove_present() {
    for (const auto& [day, rows_of] : days_) {
        if (rows_of.empty()) continue;
        auto database = Database::open(path(day), Mode::read_only);
        if (!database) return tl::make_unexpected(database.error());
        auto ids = database->prepare("SELECT id FROM symbols WHERE name = ?");
        if (!ids) return tl::make_unexpected(ids.error());
        for (const auto& [number, rows] : rows_of) {
            auto& totals = symbols_[number];
            const auto row = ids->bind(std::string_view(totals.name)).step();
            if (!row) return tl::make_unexpected(row.error());
            for (const auto kind : {GapKind::trade, GapKind::agg_trade}) {
                auto& track = totals.tracks[index_of(kind)];
                const auto ranges = track.missing.ranges();
                for (const auto& range : ranges) {
                    auto read = each_id(*database, kind, ids->integer(0), range,
                                        [&](int64_t id) { track.repaired += track.missing.remove(id); });
                    if (!read) return read;
                }
            }
        }
    }
    return {};
}

Expected<void> Catalog::load_cursors(Database& database) {
    return each_row(database, "SELECT channel, generation, position FROM cursors", [&](Statement& row) {
        set_cursor(row.text(0), static_cast<uint64_t>(row.integer(1)), static_cast<uint64_t>(row.integer(2)));
    });
}

uint32_t Catalog::symbol(std::string_view name) {
    if (const auto known = numbers_.find(name); known != numbers_.end()) return known->second;
    const auto number = static_cast<uint32_t>(symbols_.size());
    symbols_.push_back({.name = std::string(name), .rows = {}, .tracks = {}});
    numbers_.emplace(name, number);
    return number;
}

std::optional<uint32_t> Catalog::find(std::string_view name) const {
    const auto known = numbers_.find(name);
    return known == numbers_.end() ? std::nullopt : std::optional(known->second);
}

const StoredCursor* Catalog::cursor(const std::string& channel, uint64_t generation) const {
    const StoredCursor* other = nullptr;
    for (const auto& cursor : cursors_) {
        if (cursor.channel != channel) continue;
        if (cursor.generation == generation) return &cursor;
        other = &cursor;
    }
    return other;
}

void Catalog::set_cursor(const std::string& channel, uint64_t generation, uint64_t position) {
    for (auto& cursor : cursors_) {
        if (cursor.channel != channel || cursor.generation != generation) continue;
        cursor.position = std::max(cursor.position, position);
        return;
    }
    cursors_.push_back({channel, generation, position});
}

}  // namespace of::storage
