#include "workers/binance/book_sync.hpp"

#include <utility>

namespace of::binance {
namespace {

constexpr int64_t ns_per_ms = 1'000'000;

bool same(const Level* level, e8_t price, e8_t quantity) {
    return level != nullptr ? level->price == price && level->quantity == quantity : price == 0 && quantity == 0;
}

}  // namespace

void BookSync::Buffer::clear() {
    events.clear();
    levels.clear();
}

void BookSync::Buffer::push(const DepthEvent& event) {
    events.push_back(event);
    levels.insert(levels.end(), event.depth.bids.begin(), event.depth.bids.end());
    levels.insert(levels.end(), event.depth.asks.begin(), event.depth.asks.end());
}

void BookSync::set_state(BookState state) {
    if (state_ == state) return;
    state_ = state;
    sink_->on_book_state(state);
}

void BookSync::on_disconnect() {
    if (state_ == BookState::synced) sink_->on_book_reset(ResetReason::disconnected, last_id_);
    book_.clear();
    buffer_.clear();
    last_id_ = 0;
    stream_id_ = 0;
    attempt_ = 0;
    ++ticket_;
    quotes_ = {};
    set_state(BookState::disconnected);
}

void BookSync::void_book(ResetReason reason, int64_t now_ns) {
    sink_->on_book_reset(reason, last_id_);
    book_.clear();
    buffer_.clear();
    last_id_ = 0;
    ++ticket_;  // an answer that is on its way belongs to the book that is no more
    // A book that breaks again and again must not spend the address's request weight as fast as events come.
    attempt_ = state_ == BookState::synced && now_ns - synced_at_ns_ >= calm_ns ? 0 : attempt_ + 1;
    request_at_ns_ =
        attempt_ <= 1 ? now_ns : now_ns + quarter_jitter(retry_min_ms, retry_max_ms, attempt_ - 2, chance_) * ns_per_ms;
    set_state(BookState::buffering);
}

void BookSync::on_delta(const DepthEvent& event, int64_t now_ns) {
    if (event.depth.bids.size() + event.depth.asks.size() > depth_levels_max)
        return void_book(ResetReason::refused_delta, now_ns);
    // Measured against the stream, not the book: a snapshot may be far ahead of what still waits in the
    // socket.
    const bool restarted = event.depth.last_id < stream_id_ - epoch_distance;
    stream_id_ = event.depth.last_id;
    if (restarted && state_ != BookState::disconnected) void_book(ResetReason::gap, now_ns);
    take(event, now_ns);
}

void BookSync::take(const DepthEvent& event, int64_t now_ns) {
    if (state_ == BookState::synced) return follow(event, now_ns);
    buffer(event, now_ns);
}

void BookSync::buffer(const DepthEvent& event, int64_t now_ns) {
    const auto levels = event.depth.bids.size() + event.depth.asks.size();
    const bool full = buffer_.events.size() >= buffer_events_max || buffer_.levels.size() + levels > buffer_levels_max;
    if (full) void_book(ResetReason::buffer_full, now_ns);
    buffer_.push(event);
    if (state_ != BookState::disconnected) return;
    request_at_ns_ = now_ns;
    set_state(BookState::buffering);
}

void BookSync::follow(const DepthEvent& event, int64_t now_ns) {
    const auto& depth = event.depth;
    if (depth.last_id <= last_id_) return;
    if (depth.first_id > last_id_ + 1) {
        void_book(ResetReason::gap, now_ns);
        return buffer(event, now_ns);
    }
    book_.apply(depth.bids, depth.asks);
    last_id_ = depth.last_id;
    sink_->on_book_delta(event);
    if (book_.crossed()) return void_book(ResetReason::crossed, now_ns);
    for (const auto& quote : quotes_) {
        if (quote.update_id == last_id_) return compare(quote, now_ns);
    }
}

void BookSync::on_quote(const QuoteFields& quote, int64_t now_ns) {
    if (state_ == BookState::synced && quote.update_id == last_id_) return compare(quote, now_ns);
    quotes_[quote_at_] = quote;
    quote_at_ = (quote_at_ + 1) % quotes_.size();
}

void BookSync::compare(const QuoteFields& quote, int64_t now_ns) {
    const bool equal = same(book_.best_bid(), quote.bid_price, quote.bid_quantity) &&
                       same(book_.best_ask(), quote.ask_price, quote.ask_quantity);
    sink_->on_oracle(equal, last_id_);
    if (!equal) void_book(ResetReason::oracle_mismatch, now_ns);
}

std::optional<uint64_t> BookSync::take_request(int64_t now_ns) {
    const bool wanted = state_ == BookState::buffering || state_ == BookState::snapshot_wait;
    if (!wanted || in_flight_ || now_ns < request_at_ns_) return {};
    in_flight_ = true;
    set_state(BookState::snapshot_wait);
    return ticket_;
}

BookSync::Joined BookSync::on_snapshot(uint64_t ticket, const Snapshot& snapshot, int64_t now_ns) {
    in_flight_ = false;
    if (ticket != ticket_) return Joined::late;
    // The documentation says L < U0 is too old; U0 = L + 1 continues exactly and is accepted (section 5.1,
    // step 4).
    if (!buffer_.events.empty() && buffer_first_id() > snapshot.last_id + 1) {
        retry_later(now_ns);
        return Joined::stale;
    }
    book_.assign(snapshot.bids, snapshot.asks);
    last_id_ = snapshot.last_id;
    synced_at_ns_ = now_ns;
    ++ticket_;
    set_state(BookState::synced);
    sink_->on_book_snapshot(snapshot);
    if (book_.crossed()) {
        void_book(ResetReason::crossed, now_ns);
    } else {
        replay(now_ns);
    }
    return Joined::synced;
}

void BookSync::on_failure(uint64_t ticket, int64_t now_ns) {
    in_flight_ = false;
    if (ticket == ticket_) retry_later(now_ns);
}

void BookSync::retry_later(int64_t now_ns) {
    request_at_ns_ = now_ns + quarter_jitter(retry_min_ms, retry_max_ms, attempt_, chance_) * ns_per_ms;
    ++attempt_;
}

void BookSync::replay(int64_t now_ns) {
    std::swap(buffer_, replay_);
    buffer_.clear();
    size_t at = 0;
    const std::span<const Level> levels(replay_.levels);
    for (auto& event : replay_.events) {
        event.depth.bids = levels.subspan(at, event.depth.bids.size());
        at += event.depth.bids.size();
        event.depth.asks = levels.subspan(at, event.depth.asks.size());
        at += event.depth.asks.size();
        // A hole inside the buffer voids the book in the middle; what comes behind it is the new buffer.
        take(event, now_ns);
    }
    replay_.clear();
}

}  // namespace of::binance
