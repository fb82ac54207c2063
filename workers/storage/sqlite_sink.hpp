// The store in SQLite: a file for each UTC day, batches as transactions, the cursor of the ring in the same
// transaction.
//
// A replayed batch is harmless (INSERT OR IGNORE) and its duplicates are counted. What a batch changes in the
// catalog is staged and taken over only after COMMIT, so that a failed batch leaves no trace. Blocks for one
// transaction; never longer than the lock time-out of database.cpp when another program holds the file.
#pragma once

#include <deque>
#include <functional>

#include "workers/storage/catalog.hpp"

namespace of::storage {

struct SqliteOptions {
    std::string folder;
    Synchronous synchronous = Synchronous::normal;
    int64_t retention_days = 0;  ///< files older than the newest day by so many are unlinked; 0 keeps all
};

class SqliteSink : public Store {
  public:
    /// Makes the folder, locks it against a second store, verifies every file in it, drops what is too old.
    static Expected<std::unique_ptr<SqliteSink>> open(const SqliteOptions& options);
    ~SqliteSink() override;
    SqliteSink(const SqliteSink&) = delete;

    Expected<Committed> commit(const Batch& batch) override;
    const StoredCursor* cursor(const std::string& channel, uint64_t generation) const override {
        return catalog_.cursor(channel, generation);
    }
    uint32_t symbol(std::string_view name) override { return catalog_.symbol(name); }
    Day gap_day(uint32_t symbol, GapKind kind, int64_t first_id, Day otherwise) const override;
    void idle() override;
    void finish() override;

    const Catalog& catalog() const { return catalog_; }
    /// Pages in the write-ahead logs of all open files.
    int64_t wal_pages() const;
    /// Called with the name of each file that is opened for writing.
    std::function<void(const std::string& name)> on_open;

  private:
    /// The changes of one batch to one symbol's ids.
    struct Stage {
        uint32_t symbol = 0;
        GapKind kind = GapKind::trade;
        int64_t symbol_id = 0;
        IdTrack track;
        uint64_t rows = 0;
        int64_t last_in_file = 0;
    };
    struct Transaction;

    explicit SqliteSink(SqliteOptions options) : options_(std::move(options)) {}
    Expected<void> lock();
    Expected<DayFile*> open_file(Day day);
    void close_oldest_open();
    void retire_old_days();
    Expected<Committed> apply(const Batch& batch, DayFile& file);
    Expected<void> apply(Transaction& transaction, const Entry& entry);
    template <typename Row>
    Expected<void> store_row(Transaction& transaction, const Entry& entry, const Row& row, GapKind kind);
    Expected<void> note_skipped(Transaction& transaction, const Entry& entry, Stage& stage, IdRange skipped,
                                int64_t detected_ns);
    Expected<void> open_gap(Transaction& transaction, const Entry& entry);
    Expected<void> close_gap(Transaction& transaction, const Entry& entry);
    Expected<void> feed_gap(Transaction& transaction, uint32_t symbol, GapRow gap);
    Expected<Stage*> stage(Transaction& transaction, uint32_t symbol, GapKind kind);
    /// The parts of `range` that no file has.
    Expected<std::vector<IdRange>> absent(Transaction& transaction, const Stage& stage, IdRange range);
    void take_over(Transaction& transaction, const Batch& batch);

    SqliteOptions options_;
    Catalog catalog_;
    struct Open {
        Day day;
        std::unique_ptr<DayFile> file;
    };
    std::deque<Open> open_;  ///< most lately used first
    int lock_fd_ = -1;
};

}  // namespace of::storage
