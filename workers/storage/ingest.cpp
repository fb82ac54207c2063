#include "workers/storage/ingest.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "workers/storage/utc_day.hpp"

namespace of::storage {
namespace {

constexpr size_t messages_per_turn = 512;
constexpr int64_t retry_min_ns = 50 * ns_per_ms;
constexpr int64_t retry_max_ns = 2 * ns_per_s;
constexpr uint64_t commits_per_checkpoint = 200;
constexpr ProcessId communication{ProcessKind::communication, 0};

}  // namespace

Ingest::Ingest(Runtime& runtime, const IngestSettings& settings)
    : runtime_(runtime), settings_(settings), queries_(runtime.options().data_dir), timer_(runtime.io()),
      stored_trades_(runtime.metrics().counter("rows_stored_total", "rows committed", R"(table="trades")")),
      stored_agg_trades_(runtime.metrics().counter("rows_stored_total", "rows committed", R"(table="agg_trades")")),
      duplicates_(runtime.metrics().counter("rows_duplicate_total", "rows that were in the store already")),
      commits_(runtime.metrics().counter("commits_total", "transactions committed")),
      failures_(runtime.metrics().counter("commit_failures_total", "transactions refused by the store and tried again")),
      lost_(runtime.metrics().counter("messages_lost_total", "market messages overwritten before they were read")),
      commit_time_(runtime.metrics().histogram("commit_ns", "ns", "duration of a commit")),
      receive_to_disk_(runtime.metrics().histogram("receive_to_disk_ns", "ns", "from the receipt of a frame to the commit of its row")) {}

Expected<void> Ingest::start() {
    const auto& folder = runtime_.options().data_dir;
    if (access(folder.c_str(), W_OK | X_OK) != 0) return fail(ErrorKind::denied, fmt::format("data directory {} is not writable: {}", folder, std::strerror(errno)));
    traced_.reserve(settings_.batch_rows_max);
    receive_times_.reserve(settings_.batch_rows_max);
    auto server = runtime_.call_server(communication, [this](const Call& call, Reply& reply) { queries_.serve(call, reply); });
    if (!server) return tl::make_unexpected(server.error());
    calls_ = std::move(*server);
    auto opened = open_rings().and_then([&] { return resume_from_files(); });
    if (!opened) return opened;
    drop_old_files();
    for (const auto& ring : rings_) runtime_.log().write(log_event::store_opened, runtime_.next_correlation(), folder, ring.subscriber.position());
    return {};
}

Expected<void> Ingest::open_rings() {
    for (const auto process : runtime_.processes()) {
        if (process.kind != ProcessKind::binance) continue;
        auto subscriber = runtime_.subscriber<128>(ChannelKind::market, process, Runtime::From::oldest);
        if (!subscriber) return tl::make_unexpected(subscriber.error());
        auto book = runtime_.page(ChannelKind::book, process);
        if (!book) return tl::make_unexpected(book.error());
        const auto position = subscriber->resumed() ? subscriber->position() : 0;
        rings_.push_back({process, std::move(*subscriber), std::move(*book), position, position, 0});
    }
    return {};
}

/// The largest committed position of each ring among the files is where the last commit ended; the control page's cursor may be
/// one commit behind it, or ahead of it by messages that are not stored. Both are done with.
Expected<void> Ingest::resume_from_files() {
    const auto& folder = runtime_.options().data_dir;
    for (const auto day : days_in(folder)) {
        auto file = DayFile::open(folder, day, settings_.full_sync);
        if (!file) return tl::make_unexpected(file.error());
        const auto cursors = (*file)->cursors();
        if (!cursors) return tl::make_unexpected(cursors.error());
        for (const auto& cursor : *cursors) {
            for (auto& ring : rings_) {
                const bool same = ring.subscriber.name() == cursor.channel && ring.subscriber.segment().header().generation == cursor.generation;
                if (same) ring.batch_start = std::max(ring.batch_start, cursor.position);
            }
        }
        const auto last = (*file)->last_ids();
        if (!last) return tl::make_unexpected(last.error());
        for (const auto& ids : *last) {
            continuity_.account(ids.symbol, GapKind::trade, ids.trade_id);
            continuity_.account(ids.symbol, GapKind::agg_trade, ids.agg_id);
        }
    }
    for (auto& ring : rings_) {
        ring.subscriber.seek(ring.handled = ring.batch_start);
        ring.subscriber.acknowledge(ring.batch_start);
    }
    return {};
}

size_t Ingest::poll() {
    size_t handled = calls_->poll(8);
    if (retry_at_ns_ != 0 && mono_ns() < retry_at_ns_) return handled;
    retry_at_ns_ = 0;
    for (auto& ring : rings_) handled += read_ring(ring, messages_per_turn);
    if (commit_due_) commit_or_retry();
    return handled;
}

bool Ingest::pending() const {
    if (calls_->ready()) return true;
    if (retry_at_ns_ != 0) return false;
    return std::ranges::any_of(rings_, [](const Ring& ring) { return ring.subscriber.ready(); });
}

size_t Ingest::read_ring(Ring& ring, size_t limit) {
    size_t handled = 0;
    for (; handled < limit; ++handled) {
        const auto status = ring.subscriber.read();
        if (status == shm::ReadStatus::empty) break;
        if (status == shm::ReadStatus::lapped) {
            lost_.add(ring.subscriber.lost() - ring.lost_told);
            runtime_.log().write(log_event::store_lapped, runtime_.next_correlation(), ring.subscriber.name(), ring.subscriber.lost() - ring.lost_told);
            ring.lost_told = ring.subscriber.lost();
            continue;
        }
        ring.handled = ring.subscriber.position() - 1;
        if (auto stored = handle(ring); !stored) {
            fail_batch(stored.error());
            break;
        }
        ring.handled = ring.subscriber.position();
        if (batch_rows_ >= settings_.batch_rows_max) commit_or_retry();
        if (retry_at_ns_ != 0) break;
    }
    if (handled != 0) schedule_commit();
    return handled;
}

Expected<void> Ingest::handle(Ring& ring) {
    const auto& header = ring.subscriber.header();
    const auto symbol = ring.book.page<shm::BookPage>().symbol(header.symbol);
    switch (header.type) {
        case MessageType::trade: return store_trade(ring, symbol);
        case MessageType::agg_trade: return store_agg_trade(ring, symbol);
        case MessageType::gap_opened: {
            const auto gap = ring.subscriber.message<GapOpened>();
            continuity_.account(symbol, gap.kind, gap.last_id);
            return open_batch(last_day_ != 0 ? last_day_ : day_of(gap.detected_ns)).and_then([&] { return file_->add_gap(gap, symbol, "feed"); });
        }
        case MessageType::gap_repaired: {
            const auto gap = ring.subscriber.message<GapRepaired>();
            return open_batch(last_day_ != 0 ? last_day_ : day_of(gap.finished_ns)).and_then([&] { return file_->finish_gap(gap, symbol); });
        }
        default: return {};  // books and quotes are not stored
    }
}

Expected<void> Ingest::store_trade(Ring& ring, std::string_view symbol) { return store_row(ring, ring.subscriber.message<Trade>(), GapKind::trade, symbol); }
Expected<void> Ingest::store_agg_trade(Ring& ring, std::string_view symbol) { return store_row(ring, ring.subscriber.message<AggTrade>(), GapKind::agg_trade, symbol); }

template <typename Row>
Expected<void> Ingest::store_row(Ring& ring, const Row& row, GapKind kind, std::string_view symbol) {
    if (auto opened = open_batch(day_of(row.trade_ns)); !opened) return opened;
    const bool repaired = (row.header.flags & flag_repaired) != 0;
    if (const auto hole = repaired ? std::nullopt : continuity_.arrive(symbol, kind, row.id)) {
        if (auto noted = note_hole(*hole, kind, symbol, row.header); !noted) return noted;
    }
    const auto fresh = file_->add(row, symbol);
    if (!fresh) return tl::make_unexpected(fresh.error());
    if (!*fresh) duplicates_.add();
    if (*fresh) (kind == GapKind::trade ? stored_trades_ : stored_agg_trades_).add();
    ++batch_rows_;
    receive_times_.push_back(row.receive_ns);
    if ((row.header.flags & flag_sampled) != 0)
        traced_.push_back({row.header.correlation, row.id, static_cast<int64_t>(ring.subscriber.position() - 1), row.header.symbol});
    return {};
}

Expected<void> Ingest::note_hole(const Continuity::Hole& hole, GapKind kind, std::string_view symbol, const Header& header) {
    GapOpened gap{};
    gap.header = header;
    gap.kind = kind;
    gap.first_id = hole.first_id;
    gap.last_id = hole.last_id;
    gap.detected_ns = wall_ns();
    return file_->add_gap(gap, symbol, "lapped");
}

/// Makes `day` the day of the open transaction. Rows of another day cut the batch, so that commits stay in ring order.
Expected<void> Ingest::open_batch(int64_t day) {
    if (file_ != nullptr && file_->day() == day && file_->in_transaction()) return {};
    if (file_ != nullptr && file_->in_transaction()) {
        if (auto committed = commit(); !committed) return committed;
    }
    if (file_ == nullptr || file_->day() != day) {
        if (file_ != nullptr) std::ignore = file_->checkpoint(true);
        auto opened = DayFile::open(runtime_.options().data_dir, day, settings_.full_sync);
        if (!opened) return tl::make_unexpected(opened.error());
        file_ = std::move(*opened);
        if (day > last_day_ && last_day_ != 0) drop_old_files();
        runtime_.log().write(log_event::store_day_changed, runtime_.next_correlation(), file_->path());
    }
    last_day_ = day;
    return file_->begin();
}

/// Commits everything handled so far; a message in hand that cuts the batch belongs to the next one.
Expected<void> Ingest::commit() {
    std::vector<RingCursor> cursors;
    for (auto& ring : rings_) cursors.push_back({ring.subscriber.name(), ring.subscriber.segment().header().generation, ring.handled});
    const auto began = mono_ns();
    if (auto committed = file_->commit(cursors); !committed) return committed;
    commit_time_.record(mono_ns() - began);
    for (size_t i = 0; i < rings_.size(); ++i) {
        rings_[i].batch_start = cursors[i].position;
        rings_[i].subscriber.acknowledge(cursors[i].position);
    }
    after_commit();
    return {};
}

void Ingest::after_commit() {
    const auto wall = wall_ns();
    const auto mono = mono_ns();
    for (const auto received : receive_times_) receive_to_disk_.record(wall - received);
    for (const auto& traced : traced_) runtime_.trace().hop(traced.correlation, Hop::stored, mono, traced.id, traced.position, traced.symbol);
    receive_times_.clear();
    traced_.clear();
    batch_rows_ = 0;
    commit_due_ = false;
    retry_delay_ns_ = 0;
    commits_.add();
    if (++commits_since_checkpoint_ < commits_per_checkpoint) return;
    commits_since_checkpoint_ = 0;
    std::ignore = file_->checkpoint(false);  // best effort: the next one takes what this one could not
}

void Ingest::commit_or_retry() {
    commit_due_ = false;
    if (file_ == nullptr || !file_->in_transaction()) {
        // Only messages that are not stored: nothing to make durable, so the control page's cursor is enough.
        for (auto& ring : rings_) ring.subscriber.acknowledge(ring.batch_start = ring.handled);
        return;
    }
    if (auto committed = commit(); !committed) fail_batch(committed.error());
}

/// Nothing is lost: the batch is rolled back and read again from the ring, after a pause that doubles.
void Ingest::fail_batch(const Error& error) {
    if (file_ != nullptr) file_->rollback();
    for (auto& ring : rings_) ring.subscriber.seek(ring.handled = ring.batch_start);
    receive_times_.clear();
    traced_.clear();
    batch_rows_ = 0;
    commit_due_ = false;
    failures_.add();
    retry_delay_ns_ = std::clamp(retry_delay_ns_ * 2, retry_min_ns, retry_max_ns);
    retry_at_ns_ = mono_ns() + retry_delay_ns_;
    if (mono_ns() - complained_ns_ < ns_per_s) return;
    complained_ns_ = mono_ns();
    runtime_.log().write(log_event::store_failed, runtime_.next_correlation(), runtime_.options().data_dir, error.message);
}

void Ingest::schedule_commit() {
    if (timer_armed_) return;
    timer_armed_ = true;
    timer_.expires_after(std::chrono::nanoseconds(settings_.batch_age_ns));
    timer_.async_wait([this](const boost::system::error_code& error) {
        timer_armed_ = false;
        if (!error) commit_or_retry();
    });
}

void Ingest::tick(int64_t) {
    // A batch that was cut by an error waits for nobody to ring.
    if (retry_at_ns_ != 0 && mono_ns() >= retry_at_ns_) poll();
}

bool Ingest::drained() const {
    if (!draining_ || batch_rows_ != 0 || (file_ != nullptr && file_->in_transaction())) return false;
    const bool all_read = std::ranges::all_of(rings_, [&](const Ring& ring) { return !runtime_.alive(ring.feed) && !ring.subscriber.ready() && ring.subscriber.lag() == 0; });
    if (all_read && file_ != nullptr) std::ignore = file_->checkpoint(true);
    return all_read;
}

void Ingest::drop_old_files() {
    if (settings_.retention_days <= 0) return;
    const auto oldest = day_of(wall_ns()) - settings_.retention_days;
    for (const auto day : days_in(runtime_.options().data_dir)) {
        if (day >= oldest || (file_ != nullptr && file_->day() == day)) continue;
        for (const auto* suffix : {"", "-wal", "-shm"}) unlink((day_path(runtime_.options().data_dir, day) + suffix).c_str());
    }
}

}  // namespace of::storage
