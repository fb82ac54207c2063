#include "workers/storage/sqlite_sink.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

namespace of::storage {
namespace {

/// Days written at one time: today, and around midnight and after repairs the ones before.
constexpr size_t files_open_max = 4;
/// Pages of 8 KiB in the write-ahead log: moved in a quiet moment, or at once.
constexpr int checkpoint_quiet_pages = 1'000;
constexpr int checkpoint_forced_pages = 8'000;

}  // namespace

/// What a batch changes, until it is committed.
struct SqliteSink::Transaction {
    DayFile& file;
    Day day;
    std::deque<Stage> stages;
    std::set<Catalog::GapKey> opened;
    std::set<Catalog::GapKey> closed;
    Committed result;
};

Expected<std::unique_ptr<SqliteSink>> SqliteSink::open(const SqliteOptions& options) {
    if (options.folder.empty()) return fail(ErrorKind::invalid, "no data directory is given (--data-dir)");
    std::unique_ptr<SqliteSink> sink(new SqliteSink(options));
    if (auto locked = sink->lock(); !locked) return tl::make_unexpected(locked.error());
    auto catalog = Catalog::load(options.folder);
    if (!catalog) return tl::make_unexpected(catalog.error());
    sink->catalog_ = std::move(*catalog);
    sink->retire_old_days();
    return sink;
}

SqliteSink::~SqliteSink() {
    if (lock_fd_ >= 0) close(lock_fd_);
}

Expected<void> SqliteSink::lock() {
    const auto& folder = options_.folder;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
        return fail(ErrorKind::denied, fmt::format("data directory {} cannot be made: {}", folder, error.message()));
    const auto path = folder + "/.lock";
    lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_fd_ < 0)
        return fail(ErrorKind::denied,
                    fmt::format("data directory {} is not writable: {}", folder, std::strerror(errno)));
    if (flock(lock_fd_, LOCK_EX | LOCK_NB) != 0)
        return fail(ErrorKind::busy, fmt::format("data directory {} is in use by another storage worker", folder));
    return {};
}

Expected<DayFile*> SqliteSink::open_file(Day day) {
    for (size_t i = 0; i < open_.size(); ++i) {
        if (open_[i].day != day) continue;
        if (i != 0) std::swap(open_[i], open_[0]);
        return open_[0].file.get();
    }
    auto file = DayFile::open(catalog_.path(day), options_.synchronous);
    if (!file) return tl::make_unexpected(file.error());
    if (open_.size() == files_open_max) close_oldest_open();
    open_.push_front({day, std::move(*file)});
    if (on_open) on_open(file_name(day));
    return open_[0].file.get();
}

void SqliteSink::close_oldest_open() {
    open_.back().file->checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
    open_.pop_back();
}

Expected<Committed> SqliteSink::commit(const Batch& batch) {
    const bool new_day = !catalog_.days().contains(batch.day);
    auto file = open_file(batch.day);
    if (!file) return tl::make_unexpected(file.error());
    auto committed = apply(batch, **file);
    if (!committed) {
        open_.pop_front();  // rolls back what was begun; the next try finds the file as the disk has it
        return committed;
    }
    if (new_day) retire_old_days();
    if (open_[0].file->wal_pages() >= checkpoint_forced_pages) open_[0].file->checkpoint(SQLITE_CHECKPOINT_PASSIVE);
    return committed;
}

Expected<Committed> SqliteSink::apply(const Batch& batch, DayFile& file) {
    Transaction transaction{file, batch.day, {}, {}, {}, {}};
    if (auto begun = file.begin(); !begun) return tl::make_unexpected(begun.error());
    for (const auto& entry : batch.entries) {
        if (auto applied = apply(transaction, entry); !applied) return tl::make_unexpected(applied.error());
    }
    for (const auto& stage : transaction.stages) {
        auto counted = file.count(stage.symbol_id, stage.kind, stage.rows, stage.last_in_file);
        if (!counted) return tl::make_unexpected(counted.error());
    }
    auto ended =
        file.set_cursor(batch.channel, batch.generation, batch.end_position).and_then([&] { return file.commit(); });
    if (!ended) return tl::make_unexpected(ended.error());
    take_over(transaction, batch);
    return transaction.result;
}

Expected<void> SqliteSink::apply(Transaction& transaction, const Entry& entry) {
    switch (entry.header.type) {
        case MessageType::trade:
            return store_row(transaction, entry, entry.trade, GapKind::trade);
        case MessageType::agg_trade:
            return store_row(transaction, entry, entry.agg_trade, GapKind::agg_trade);
        case MessageType::gap_opened:
            return open_gap(transaction, entry);
        case MessageType::gap_repaired:
            return close_gap(transaction, entry);
        default:
            return {};
    }
}

template <typename Row>
Expected<void> SqliteSink::store_row(Transaction& transaction, const Entry& entry, const Row& row, GapKind kind) {
    auto staged = stage(transaction, entry.symbol, kind);
    if (!staged) return tl::make_unexpected(staged.error());
    auto& stage = **staged;
    const bool is_repair = (row.header.flags & flag_repaired) != 0;
    const auto inserted = transaction.file.insert(stage.symbol_id, row);
    if (!inserted) return tl::make_unexpected(inserted.error());
    stage.rows += *inserted;
    transaction.result.duplicates += !*inserted;
    (kind == GapKind::trade ? transaction.result.trades : transaction.result.agg_trades) += *inserted;
    const auto skipped = stage.track.arrive(row.id, is_repair);
    if (stage.track.last == row.id) stage.last_in_file = row.id;
    if (!skipped) return {};
    return note_skipped(transaction, entry, stage, *skipped, row.receive_ns);
}

/// Ids that the feed never called missing: this reader was lapped, or the store was away longer than the ring
/// remembers.
Expected<void> SqliteSink::note_skipped(Transaction& transaction, const Entry& entry, Stage& stage, IdRange skipped,
                                        int64_t detected_ns) {
    for (const auto& unknown : stage.track.missing.uncovered(skipped)) {
        const auto parts = absent(transaction, stage, unknown);
        if (!parts) return tl::make_unexpected(parts.error());
        for (const auto& part : *parts) {
            const GapRow gap{
                stage.kind, part, entry.after_lap ? "lapped" : "offline", detected_ns, 0, 0, entry.header.correlation};
            if (auto put = transaction.file.put_gap(stage.symbol_id, gap); !put) return put;
            stage.track.missing.add(part);
            transaction.opened.insert({stage.symbol, stage.kind, part.first});
            transaction.result.lapped_ids += part.size();
        }
    }
    return {};
}

Expected<void> SqliteSink::open_gap(Transaction& transaction, const Entry& entry) {
    const auto& message = entry.gap_opened;
    if (message.first_id > message.last_id) return {};
    transaction.opened.insert({entry.symbol, message.kind, message.first_id});
    return feed_gap(transaction, entry.symbol,
                    {.kind = message.kind,
                     .ids = {message.first_id, message.last_id},
                     .cause = "feed",
                     .detected_ns = message.detected_ns,
                     .correlation = message.header.correlation});
}

Expected<void> SqliteSink::close_gap(Transaction& transaction, const Entry& entry) {
    const auto& message = entry.gap_repaired;
    if (message.first_id > message.last_id) return {};
    transaction.closed.insert({entry.symbol, message.kind, message.first_id});
    return feed_gap(transaction, entry.symbol,
                    {.kind = message.kind,
                     .ids = {message.first_id, message.last_id},
                     .cause = "feed",
                     .detected_ns = message.finished_ns,
                     .finished_ns = message.finished_ns,
                     .correlation = message.header.correlation});
}

/// What the feed says is missing or fetched again; how many of the ids are there is counted in the rows themselves.
Expected<void> SqliteSink::feed_gap(Transaction& transaction, uint32_t symbol, GapRow gap) {
    auto staged = stage(transaction, symbol, gap.kind);
    if (!staged) return tl::make_unexpected(staged.error());
    const auto parts = absent(transaction, **staged, gap.ids);
    if (!parts) return tl::make_unexpected(parts.error());
    gap.repaired = gap.ids.size();
    for (const auto& part : *parts) {
        (*staged)->track.missing.add(part);  // known already when it closes, unless its opening was lost in a lap
        gap.repaired -= part.size();
    }
    return transaction.file.put_gap((*staged)->symbol_id, gap);
}

Expected<SqliteSink::Stage*> SqliteSink::stage(Transaction& transaction, uint32_t symbol, GapKind kind) {
    auto& stages = transaction.stages;
    for (size_t i = 0; i < stages.size(); ++i) {
        if (stages[i].symbol != symbol || stages[i].kind != kind) continue;
        if (i != 0) std::swap(stages[i], stages[i - 1]);  // busy symbols move to the front
        return &stages[i == 0 ? 0 : i - 1];
    }
    const auto& totals = catalog_.totals(symbol);
    const auto id = transaction.file.symbol(totals.name);
    if (!id) return tl::make_unexpected(id.error());
    stages.push_back({symbol, kind, *id, totals.tracks[index_of(kind)], 0, 0});
    return &stages.back();
}

Expected<std::vector<IdRange>> SqliteSink::absent(Transaction& transaction, const Stage& stage, IdRange range) {
    IdRanges rest;
    rest.add(range);
    const auto found = [&](int64_t id) { rest.remove(id); };
    auto own = each_id(transaction.file.database(), stage.kind, stage.symbol_id, range, found);
    if (!own) return tl::make_unexpected(own.error());
    for (const auto& [day, rows_of] : catalog_.days()) {
        const auto rows = rows_of.find(stage.symbol);
        if (day == transaction.day || rows == rows_of.end() || rows->second[index_of(stage.kind)] == 0) continue;
        auto other = Database::open(catalog_.path(day), Mode::read_only);
        if (!other) return tl::make_unexpected(other.error());
        auto name = other->prepare("SELECT id FROM symbols WHERE name = ?");
        if (!name) return tl::make_unexpected(name.error());
        const auto row = name->bind(std::string_view(catalog_.totals(stage.symbol).name)).step();
        if (!row) return tl::make_unexpected(row.error());
        if (!*row) continue;
        auto read = each_id(*other, stage.kind, name->integer(0), range, found);
        if (!read) return tl::make_unexpected(read.error());
    }
    return rest.ranges();
}

void SqliteSink::take_over(Transaction& transaction, const Batch& batch) {
    auto& rows_of = catalog_.days()[batch.day];
    for (auto& stage : transaction.stages) {
        auto& totals = catalog_.totals(stage.symbol);
        totals.tracks[index_of(stage.kind)] = std::move(stage.track);
        totals.rows[index_of(stage.kind)] += stage.rows;
        rows_of[stage.symbol][index_of(stage.kind)] += stage.rows;
    }
    catalog_.set_cursor(batch.channel, batch.generation, batch.end_position);
    for (const auto& key : transaction.opened) catalog_.open_gaps()[key] = batch.day;
    for (const auto& key : transaction.closed) catalog_.open_gaps().erase(key);
}

Day SqliteSink::gap_day(uint32_t symbol, GapKind kind, int64_t first_id, Day otherwise) const {
    const auto found = catalog_.open_gaps().find({symbol, kind, first_id});
    return found == catalog_.open_gaps().end() ? otherwise : found->second;
}

/// Whole days are dropped by unlinking their files. Counted from the newest day that is stored, not from the
/// clock: after a long rest nothing goes before something new has come.
void SqliteSink::retire_old_days() {
    auto& days = catalog_.days();
    if (options_.retention_days == 0 || days.empty()) return;
    const auto newest = days.rbegin()->first;
    std::erase_if(open_, [&](const Open& open) { return open.day <= newest - options_.retention_days; });
    while (!days.empty() && days.begin()->first <= newest - options_.retention_days) {
        const auto [day, rows_of] = *days.begin();
        for (const auto* suffix : {"", "-wal", "-shm"}) unlink((catalog_.path(day) + suffix).c_str());
        for (const auto& [symbol, rows] : rows_of) {
            for (size_t kind = 0; kind < gap_kinds; ++kind) catalog_.totals(symbol).rows[kind] -= rows[kind];
        }
        std::erase_if(catalog_.open_gaps(), [day](const auto& gap) { return gap.second == day; });
        days.erase(days.begin());
    }
}

void SqliteSink::idle() {
    for (auto& open : open_) {
        if (open.file->wal_pages() >= checkpoint_quiet_pages) return open.file->checkpoint(SQLITE_CHECKPOINT_PASSIVE);
    }
}

void SqliteSink::finish() {
    while (!open_.empty()) close_oldest_open();
}

int64_t SqliteSink::wal_pages() const {
    int64_t pages = 0;
    for (const auto& open : open_) pages += open.file->wal_pages();
    return pages;
}

}  // namespace of::storage
