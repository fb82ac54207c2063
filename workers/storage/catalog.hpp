// What all files of the store hold, in memory: rows of each symbol, the watch over its ids, and how far each
// ring is stored.
//
// Loaded once while starting, from the counters that lie in the files themselves, so its cost does not grow
// with the rows. Only committed batches change it. Owned by SqliteSink; Queries reads it.
#pragma once

#include <array>
#include <map>
#include <unordered_map>

#include "workers/storage/day_file.hpp"
#include "workers/storage/sink.hpp"

namespace of::storage {

inline constexpr size_t gap_kinds = 2;
constexpr size_t index_of(GapKind kind) { return kind == GapKind::trade ? 0 : 1; }

struct SymbolTotals {
    std::string name;
    std::array<uint64_t, gap_kinds> rows{};
    std::array<IdTrack, gap_kinds> tracks;
};

class Catalog {
  public:
    /// Reads and verifies every file of the folder.
    static Expected<Catalog> load(const std::string& folder);

    const std::string& folder() const { return folder_; }
    std::string path(Day day) const { return folder_ + "/" + file_name(day); }
    uint32_t symbol(std::string_view name);
    /// Nothing for a name that was never stored.
    std::optional<uint32_t> find(std::string_view name) const;
    SymbolTotals& totals(uint32_t symbol) { return symbols_[symbol]; }
    const std::vector<SymbolTotals>& symbols() const { return symbols_; }
    /// Days that have a file, and the rows of each symbol in it.
    using RowsOfSymbols = std::unordered_map<uint32_t, std::array<uint64_t, gap_kinds>>;
    std::map<Day, RowsOfSymbols>& days() { return days_; }
    const std::map<Day, RowsOfSymbols>& days() const { return days_; }

    const StoredCursor* cursor(const std::string& channel, uint64_t generation) const;
    void set_cursor(const std::string& channel, uint64_t generation, uint64_t position);

    struct GapKey {
        uint32_t symbol;
        GapKind kind;
        int64_t first_id;
        friend auto operator<=>(const GapKey&, const GapKey&) = default;
    };
    /// Gaps whose repair has not ended, and the day in whose file they are.
    std::map<GapKey, Day>& open_gaps() { return open_gaps_; }
    const std::map<GapKey, Day>& open_gaps() const { return open_gaps_; }

  private:
    Expected<void> load_file(Day day);
    Expected<void> load_counters(Database& database, Day day);
    Expected<void> load_gaps(Database& database, Day day);
    Expected<void> load_cursors(Database& database);
    Expected<void> remove_present();

    std::string folder_;
    std::vector<SymbolTotals> symbols_;
    std::map<std::string, uint32_t, std::less<>> numbers_;
    std::map<Day, RowsOfSymbols> days_;
    std::vector<StoredCursor> cursors_;
    std::map<GapKey, Day> open_gaps_;
};

}  // namespace of::storage
