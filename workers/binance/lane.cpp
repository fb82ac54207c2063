#include "workers/binance/lane.hpp"

namespace of::binance {

Lane::Lane(const LaneContext& context, std::string name, uint16_t index, uint64_t seed)
    : context_(context), name_(std::move(name)), index_(index), sync_(*this, seed) {}

void Lane::begin(const SymbolTail& tail) {
    // A new ring holds none of its predecessor's trades; the book page remembers where they ended.
    const auto& page = entry();
    trades_.seed(tail.trade_id != 0 ? tail.trade_id : page.trade_id.load(std::memory_order_relaxed));
    aggs_.seed(tail.agg_id != 0 ? tail.agg_id : page.agg_id.load(std::memory_order_relaxed));
    for (const auto& gap : tail.open_gaps) ids(gap.kind).mark_missing(gap.first_id, gap.last_id);
    for (const auto id : tail.repaired_trades) trades_.take(id);
    for (const auto id : tail.repaired_aggs) aggs_.take(id);
    for (const auto& gap : tail.open_gaps)
        context_.gaps.on_gap({this, gap.kind, gap.first_id, gap.last_id, gap.correlation});
    // Readers may still hold the predecessor's book.
    mark_ = {context_.runtime.next_correlation()};
    on_book_reset(ResetReason::start, 0);
    on_book_state(BookState::disconnected);
}

void Lane::on_frame(const Frame& frame, const Mark& mark) {
    ++frames_;
    last_frame_wall_ns_ = mark.wall_ns;
    last_frame_mono_ns_ = mark.mono_ns;
    decoded_ns_ = mark.sampled ? mono_ns() : 0;
    if (stream_ != StreamState::healthy) set_stream(StreamState::healthy, name_, mark.correlation);
    switch (frame.kind) {
        case FrameKind::trade:
        case FrameKind::agg_trade:
            return on_trade(frame, mark);
        case FrameKind::best_quote:
            return on_quote(frame.quote, mark);
        case FrameKind::depth:
            mark_ = mark;
            return sync_.on_delta({frame.depth, mark}, mark.mono_ns);
        default:
            return;
    }
}

bool Lane::continues(const Frame& frame) const {
    switch (frame.kind) {
        case FrameKind::trade:
            return trades_.last() == 0 || frame.trade.id <= trades_.last() + 1;
        case FrameKind::agg_trade:
            return aggs_.last() == 0 || frame.trade.id <= aggs_.last() + 1;
        case FrameKind::depth:
            return sync_.state() != BookState::synced || frame.depth.first_id <= sync_.last_id() + 1;
        default:
            return true;
    }
}

void Lane::on_trade(const Frame& frame, const Mark& mark) {
    const auto kind = frame.kind == FrameKind::trade ? GapKind::trade : GapKind::agg_trade;
    auto& known = ids(kind);
    const auto before = known.last();
    const auto verdict = known.observe(frame.trade.id);
    if (verdict.kind == TradeGaps::Kind::new_epoch)
        context_.runtime.log().write(log_event::ids_restarted, mark.correlation, name_, name_of(kind), before,
                                     frame.trade.id);
    if (verdict.has_gap()) open_gap(kind, verdict.gap_first, verdict.gap_last, mark.correlation);
    if (verdict.kind == TradeGaps::Kind::twice) return context_.metrics.trades_twice.add();
    const bool late = verdict.kind == TradeGaps::Kind::late;
    if (late) context_.metrics.gap_ids_repaired.add();
    if (frame.trade.is_void) return context_.metrics.trades_void.add();
    publish(kind, frame.trade, mark, late ? flag_repaired : 0);
}

void Lane::publish(GapKind kind, const TradeFields& trade, const Mark& mark, uint8_t flags) {
    const bool single = kind == GapKind::trade;
    const auto position = single ? context_.market.trade(index_, trade, mark, flags)
                                 : context_.market.agg_trade(index_, trade, mark, flags);
    if ((flags & flag_repaired) == 0)
        (single ? entry().trade_id : entry().agg_id).store(trade.id, std::memory_order_relaxed);
    (single ? context_.metrics.trades : context_.metrics.agg_trades).add();
    trace(mark, trade.id, position);
}

void Lane::open_gap(GapKind kind, int64_t first_id, int64_t last_id, CorrelationId correlation) {
    context_.metrics.gap_ids.add(static_cast<uint64_t>(last_id - first_id + 1));
    context_.market.gap_opened(index_, kind, first_id, last_id, correlation);
    context_.runtime.log().write(log_event::gap_found, correlation, name_, name_of(kind), first_id, last_id);
    context_.gaps.on_gap({this, kind, first_id, last_id, correlation});
}

void Lane::on_repaired(GapKind kind, const TradeFields& trade, const Mark& mark) {
    if (!ids(kind).take(trade.id)) return;
    context_.metrics.gap_ids_repaired.add();
    if (trade.is_void) return context_.metrics.trades_void.add();
    decoded_ns_ = mark.mono_ns;
    publish(kind, trade, mark, flag_repaired);
}

int64_t Lane::close_gap(const Gap& gap) {
    const auto here = gap.last_id - gap.first_id + 1 - missing(gap);
    if (here > 0) context_.market.gap_repaired(index_, gap.kind, gap.first_id, gap.last_id, here, gap.correlation);
    return here;
}

void Lane::on_quote(const QuoteFields& quote, const Mark& mark) {
    // Of two lines, or from a server that repeats itself, an older quote says nothing new.
    if (quote.update_id <= last_quote_id_ && quote.update_id > last_quote_id_ - BookSync::epoch_distance) return;
    last_quote_id_ = quote.update_id;
    const auto position = context_.market.best_quote(index_, quote, mark);
    context_.metrics.best_quotes.add();
    entry().store(
        {quote.update_id, quote.bid_price, quote.bid_quantity, quote.ask_price, quote.ask_quantity, mark.wall_ns});
    trace(mark, quote.update_id, position);
    mark_ = mark;
    sync_.on_quote(quote, mark.mono_ns);
}

void Lane::trace(const Mark& mark, int64_t subject, uint64_t position) {
    context_.metrics.receive_to_ring.record(mono_ns() - mark.mono_ns);
    if (!mark.sampled) return;
    auto& hops = context_.runtime.trace();
    const auto at = static_cast<int64_t>(position);
    hops.hop(mark.correlation, Hop::received, mark.mono_ns, subject, at, index_);
    hops.hop(mark.correlation, Hop::decoded, decoded_ns_, subject, at, index_);
    hops.hop(mark.correlation, Hop::published, mono_ns(), subject, at, index_);
}

BookSync::Joined Lane::on_snapshot(uint64_t ticket, const Snapshot& snapshot, const Mark& mark) {
    mark_ = mark;
    const auto joined = sync_.on_snapshot(ticket, snapshot, mark.mono_ns);
    if (joined == BookSync::Joined::synced && sync_.state() == BookState::synced)
        context_.runtime.log().write(log_event::book_synced, mark.correlation, name_, sync_.last_id(),
                                     sync_.book().bids().size(), sync_.book().asks().size());
    return joined;
}

void Lane::on_book_reset(ResetReason reason, int64_t from_id) {
    // The count lies in the page and so goes on across restarts: it is the book's epoch.
    const auto epoch = entry().resets.load(std::memory_order_relaxed) + 1;
    entry().resets.store(epoch, std::memory_order_relaxed);
    context_.metrics.book_resets.add();
    context_.market.book_reset(index_, reason, static_cast<uint32_t>(epoch), from_id, mark_.correlation);
    if (reason != ResetReason::start)
        context_.runtime.log().write(log_event::book_reset_log, mark_.correlation, name_, name_of(reason), from_id);
}

void Lane::on_book_snapshot(const Snapshot& snapshot) {
    context_.market.depth_snapshot(index_, snapshot, mark_);
    context_.metrics.depth_snapshots.add();
    last_update_id_ = snapshot.last_id;
}

void Lane::on_book_delta(const DepthEvent& event) {
    const auto position = context_.market.depth_delta(index_, event.depth, event.mark);
    context_.metrics.depth_deltas.add();
    last_update_id_ = event.depth.last_id;
    trace(event.mark, event.depth.last_id, position);
}

void Lane::on_oracle(bool equal, int64_t update_id) {
    ++oracle_compared_;
    context_.metrics.oracle_compared.add();
    if (equal) return;
    ++oracle_mismatched_;
    context_.metrics.oracle_mismatched.add();
    context_.runtime.log().write(log_event::oracle_mismatch, mark_.correlation, name_, update_id);
}

void Lane::on_book_state(BookState state) {
    entry().state.store(static_cast<uint32_t>(state), std::memory_order_relaxed);
}

void Lane::on_connect(int64_t now_ns) {
    last_frame_mono_ns_ = now_ns;  // the first frame has as long as any other
    stream_ = StreamState::connected;
}

void Lane::on_disconnect(CorrelationId cause) {
    mark_ = {cause};
    stream_ = StreamState::disconnected;
    last_quote_id_ = 0;
    sync_.on_disconnect();
}

void Lane::watch(int64_t now_ns, int64_t stale_after_ms) {
    const bool listening = stream_ == StreamState::healthy || stream_ == StreamState::connected;
    const auto silent_ms = (now_ns - last_frame_mono_ns_) / ns_per_ms;
    if (!listening || silent_ms < stale_after_ms) return;
    const auto cause = context_.runtime.next_correlation();
    context_.runtime.log().write(log_event::stream_stale, cause, name_, static_cast<uint64_t>(silent_ms));
    set_stream(StreamState::stale, name_, cause);
}

void Lane::set_stream(StreamState state, std::string_view detail, CorrelationId cause) {
    stream_ = state;
    context_.market.stream_event(index_, state, 0, 0, detail, cause);
}

void Lane::fill(ReplyBook& reply) const {
    reply.header.symbol = index_;
    reply.symbol.assign(name_);
    reply.state = sync_.state();
    reply.resets = entry().resets.load(std::memory_order_relaxed);
    reply.epoch = static_cast<uint32_t>(reply.resets);
    reply.last_update_id = sync_.last_id();
    reply.oracle_compared = oracle_compared_;
    reply.oracle_mismatched = oracle_mismatched_;
}

void Lane::fill(ReplyFeedStatus& reply) const {
    reply.header.symbol = index_;
    reply.symbol.assign(name_);
    reply.stream = stream_;
    reply.book = sync_.state();
    reply.last_trade_id = trades_.last();
    reply.last_agg_id = aggs_.last();
    reply.last_update_id = last_update_id_;
    reply.frames = frames_;
    reply.last_frame_ns = last_frame_wall_ns_;
}

}  // namespace of::binance
