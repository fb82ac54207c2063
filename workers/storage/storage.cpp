#include "workers/storage/storage.hpp"

#include <algorithm>

namespace of::storage {
namespace {

constexpr size_t messages_per_turn = 4'096;
constexpr size_t calls_per_turn = 4;
constexpr int64_t retry_delay_min_ns = 100 * ns_per_ms;
constexpr int64_t retry_delay_max_ns = 5 * ns_per_s;
constexpr std::chrono::milliseconds nap_length{5};
constexpr uint32_t nap_fill = 1'024;
constexpr ProcessId communication{ProcessKind::communication, 0};
constexpr ProcessId supervisor{ProcessKind::supervisor, 0};

}  // namespace

Storage::Counters::Counters(Metrics& metrics)
    : trades(metrics.counter("rows_stored_total", "Rows committed", R"(table="trades")")),
      agg_trades(metrics.counter("rows_stored_total", "Rows committed", R"(table="agg_trades")")),
      duplicates(metrics.counter("rows_duplicate_total", "Rows that were stored already")),
      commits(metrics.counter("commits_total", "Transactions committed")),
      lost(metrics.counter("messages_lost_total", "Messages overwritten in a market ring before they were read")),
      refused(metrics.counter("rows_refused_total", "Rows whose symbol the feed does not name")),
      failures(metrics.counter("store_failures_total", "Commits that failed and were tried again")),
      expired(metrics.counter("calls_expired_total", "Calls whose deadline had passed before they were served")),
      wal_pages(metrics.gauge("wal_pages", "pages", "Pages of 8 KiB in the write-ahead logs")),
      commit_ns(metrics.histogram("commit_ns", "ns", "Duration of a transaction")),
      receive_to_disk_ns(metrics.histogram("receive_to_disk_ns", "ns", "From the receipt of a row to its commit")) {}

Storage::Storage(Runtime& runtime, const settings::Values& settings)
    : runtime_(runtime),
      store_options_{runtime.options().data_dir,
                     settings.text("synchronous") == "full" ? Synchronous::full : Synchronous::normal,
                     settings.integer("retention_days")},
      limits_{static_cast<size_t>(settings.integer("batch_rows_max")), settings.integer("batch_age_ms") * ns_per_ms},
      counters_(runtime.metrics()),
      nap_(runtime, nap_length),
      alarm_(runtime.io()) {}

Expected<void> Storage::start() {
    auto sink = SqliteSink::open(store_options_);
    if (!sink) return tl::make_unexpected(sink.error());
    sink_ = std::move(*sink);
    sink_->on_open = [this](const std::string& name) {
        if (name == written_) return;
        written_ = name;
        runtime_.log().write(log_event::store_day_changed, runtime_.next_correlation(), name);
    };
    // A full disk may have room again at any moment, and the market ring holds minutes: look more often than others do.
    auto rules = runtime_.options().breaker;
    rules.open_ns = std::min(rules.open_ns, ns_per_s);
    rules.open_max_ns = std::min(rules.open_max_ns, retry_delay_max_ns);
    breaker_ = &runtime_.breakers().add("store", rules);
    queries_ = std::make_unique<Queries>(sink_->catalog());
    auto calls = runtime_.call_server(communication, [this](const Call& call, Reply& reply) {
        runtime_.trace().hop(call.header.correlation, Hop::served, mono_ns(), call.limit, 0);
        queries_->serve(call, reply);
    });
    if (!calls) return tl::make_unexpected(calls.error());
    calls_ = std::move(*calls);
    for (const auto process : runtime_.processes()) {
        if (process.kind != ProcessKind::binance) continue;
        if (auto opened = open_ring(process); !opened) return opened;
    }
    return {};
}

Expected<void> Storage::open_ring(ProcessId feed) {
    auto ring = subscriber(feed);
    if (!ring) return tl::make_unexpected(ring.error());
    auto book = runtime_.page(ChannelKind::book, feed);
    if (!book) return tl::make_unexpected(book.error());
    runtime_.log().write(log_event::store_opened, runtime_.next_correlation(), store_options_.folder, ring->position());
    sources_.push_back({feed, Ingest(std::move(*ring), std::move(*book), *sink_, limits_)});
    return {};
}

/// Goes on where the rows of this ring end in the store, or at the control page's cursor if that is further
/// on: what lies between the two was no row. A ring that the store has never seen is read from its oldest
/// message.
Expected<Subscriber<128>> Storage::subscriber(ProcessId feed) {
    auto segment = runtime_.attachment().segment(ChannelKind::market, feed, feed, shm::Access::read_only);
    if (!segment) return tl::make_unexpected(segment.error());
    const std::string channel = segment->header().channel;
    auto* cursor = shm::find_cursor(runtime_.slot(), channel);
    if (cursor == nullptr) return fail(ErrorKind::no_space, "storage has no cursor left for " + channel);
    const auto generation = segment->header().generation;
    const auto oldest = shm::BroadcastReader<128>::oldest(*segment);
    const auto newest = shm::BroadcastReader<128>::newest(*segment);
    const auto* stored = sink_->cursor(channel, generation);
    const bool known = stored != nullptr && stored->generation == generation && stored->position <= newest;
    if (stored != nullptr && !known)
        runtime_.log().write(log_event::store_cursor_foreign, runtime_.next_correlation(), channel);
    Subscriber<128> ring(std::move(*segment), *cursor, oldest);
    ring.seek(!known ? oldest : ring.resumed() ? std::max(stored->position, ring.position()) : stored->position);
    ring.acknowledge();
    return ring;
}

size_t Storage::poll() {
    const auto now = mono_ns();
    size_t read = 0;
    for (auto& source : sources_) {
        read += source.ingest.read(messages_per_turn, now);
        note_laps(source.ingest);
        const bool urgent = draining_ && !source.ingest.empty();
        if ((urgent || source.ingest.due(now)) && now >= retry_ns_) store(source.ingest, now);
    }
    const auto served = calls_->poll(calls_per_turn);
    set_alarm();
    if (draining_) finish_drain();
    if (read == 0) sink_->idle();
    if (read < messages_per_turn && !draining_) nap_.after_reading(read, nap_fill);
    return read + served;
}

void Storage::note_laps(Ingest& ingest) {
    const auto lost = ingest.take_lost();
    if (lost == 0) return;
    counters_.lost.add(lost);
    runtime_.log().write(log_event::store_lapped, runtime_.next_correlation(), ingest.ring().name(), lost);
}

void Storage::store(Ingest& ingest, int64_t now_ns) {
    const auto began = mono_ns();
    const auto permit = breaker_->allow();
    if (!permit) {
        retry_ns_ = now_ns + std::min(breaker_->retry_in_ns(), retry_delay_max_ns);
        return;
    }
    const auto committed = sink_->commit(ingest.batch());
    if (!committed) {
        const auto cause = runtime_.next_correlation();
        breaker_->fail(permit, cause, committed.error().message);
        return failed(committed.error(), cause, now_ns);
    }
    breaker_->succeed(permit);
    retry_ns_ = retry_delay_ns_ = 0;
    count(ingest, *committed, began);
    trace(ingest);
    ingest.stored(now_ns);
}

void Storage::count(const Ingest& ingest, const Committed& committed, int64_t began_ns) {
    counters_.commits.add();
    counters_.trades.add(committed.trades);
    counters_.agg_trades.add(committed.agg_trades);
    counters_.duplicates.add(committed.duplicates);
    counters_.commit_ns.record(mono_ns() - began_ns);
    const auto wall = wall_ns();
    for (const auto& entry : ingest.batch().entries) {
        if (entry.header.type == MessageType::trade) counters_.receive_to_disk_ns.record(wall - entry.trade.receive_ns);
        if (entry.header.type == MessageType::agg_trade)
            counters_.receive_to_disk_ns.record(wall - entry.agg_trade.receive_ns);
    }
}

void Storage::trace(const Ingest& ingest) {
    const auto now = mono_ns();
    for (const auto& entry : ingest.batch().entries) {
        if ((entry.header.flags & flag_sampled) == 0) continue;
        const auto subject = entry.header.type == MessageType::trade       ? entry.trade.id
                             : entry.header.type == MessageType::agg_trade ? entry.agg_trade.id
                                                                           : entry.gap_opened.first_id;
        runtime_.trace().hop(entry.header.correlation, Hop::stored, now, subject, static_cast<int64_t>(entry.position),
                             entry.header.symbol);
    }
}

void Storage::failed(const Error& error, CorrelationId cause, int64_t now_ns) {
    retry_delay_ns_ = std::clamp(retry_delay_ns_ * 2, retry_delay_min_ns, retry_delay_max_ns);
    retry_ns_ = now_ns + retry_delay_ns_;
    counters_.failures.add();
    if (failure_told_ns_ != 0 && now_ns - failure_told_ns_ < ns_per_s) return;
    failure_told_ns_ = now_ns;
    runtime_.log().write(log_event::store_failed, cause, store_options_.folder, error.message);
}

/// Wakes the loop when the oldest waiting batch is due, so that nobody has to spin for it.
void Storage::set_alarm() {
    int64_t at = 0;
    for (const auto& source : sources_) {
        if (source.ingest.batch().entries.empty()) continue;
        const auto due = std::max(source.ingest.due_ns(), retry_ns_);
        at = at == 0 ? due : std::min(at, due);
    }
    if (at == 0 || at == alarm_ns_) return;
    alarm_ns_ = at;
    alarm_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(at)));
    alarm_.async_wait([](const boost::system::error_code&) {});
}

bool Storage::pending() const {
    const auto now = mono_ns();
    if (calls_->ready()) return true;
    return std::ranges::any_of(sources_, [&](const Source& source) {
        const auto& ingest = source.ingest;
        return ingest.readable() || (now >= retry_ns_ && ingest.due(now));
    });
}

void Storage::tick(int64_t /*now_ns*/) {
    counters_.wal_pages.set(sink_->wal_pages());
    counters_.expired.add(calls_->expired() - expired_told_);
    expired_told_ = calls_->expired();
    uint64_t refused = 0;
    for (const auto& source : sources_) refused += source.ingest.refused();
    counters_.refused.add(refused - refused_told_);
    refused_told_ = refused;
}

void Storage::drain() {
    draining_ = true;
    for (auto& source : sources_) source.drain_to = source.ingest.ring().position() + source.ingest.ring().lag();
}

bool Storage::all_stored() const {
    // Restarted alone, storage need not wait for a feed that goes on; when all is stopping, it stores the
    // feed's last word.
    const bool alone =
        runtime_.control().instance.stopping.load(std::memory_order_relaxed) == 0 && runtime_.alive(supervisor);
    return std::ranges::all_of(sources_, [&](const Source& source) {
        const auto& ingest = source.ingest;
        if (!ingest.empty() || ingest.ring().position() < source.drain_to) return false;
        return alone || (!runtime_.alive(source.feed) && !ingest.ring().ready());
    });
}

void Storage::finish_drain() {
    if (finished_ || !all_stored()) return;
    sink_->finish();
    finished_ = true;
}

}  // namespace of::storage
