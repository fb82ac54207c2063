// Keeps one symbol's book by the exchange's documented procedure. Pure:
// no clock, no I/O.
//
//   disconnected -> buffering (first event) -> snapshot_wait (a snapshot is asked for) -> synced
//   synced -> buffering on a gap, a crossed book, or a book that differs from the exchange's own best quote
//
// Events are buffered until a snapshot joins them, across any number of snapshots that are too old. What
// happens to the book is told to a BookSink in the order in which consumers must see it. The owner asks
// take_request() from time to time and answers with on_snapshot or on_failure; at most one request is out,
// and answers that belong to an older book are dropped.
#pragma once

#include <array>
#include <optional>

#include "proto/calls.hpp"
#include "workers/binance/backoff.hpp"
#include "workers/binance/frame.hpp"
#include "workers/binance/order_book.hpp"

namespace of::binance {

class BookSink {
  public:
    virtual ~BookSink() = default;
    /// The book is void; `from_id` was the last right update, 0 for none.
    virtual void on_book_reset(ResetReason reason, int64_t from_id) = 0;
    /// The book is this snapshot now.
    virtual void on_book_snapshot(const Snapshot& snapshot) = 0;
    /// The book has taken this event.
    virtual void on_book_delta(const DepthEvent& event) = 0;
    /// The book was held against the exchange's best quote at the same update.
    virtual void on_oracle(bool equal, int64_t update_id) = 0;
    virtual void on_book_state(BookState state) = 0;
};

class BookSync {
  public:
    static constexpr size_t buffer_events_max = 10'000;
    static constexpr size_t buffer_levels_max = 1'000'000;
    static constexpr int64_t retry_min_ms = 250;
    static constexpr int64_t retry_max_ms = 3'000;
    static constexpr int64_t calm_ns = 10'000'000'000;  ///< in step for so long: the next resync need not wait
    static constexpr int64_t epoch_distance = 100'000;  ///< update ids that go back further than this have restarted

    enum class Joined : uint8_t { synced, stale, late };

    BookSync(BookSink& sink, uint64_t seed) : sink_(&sink), chance_(seed) {}

    void on_disconnect();
    void on_delta(const DepthEvent& event, int64_t now_ns);
    void on_quote(const QuoteFields& quote, int64_t now_ns);

    /// The ticket of a snapshot request that is due now.
    std::optional<uint64_t> take_request(int64_t now_ns);
    Joined on_snapshot(uint64_t ticket, const Snapshot& snapshot, int64_t now_ns);
    void on_failure(uint64_t ticket, int64_t now_ns);

    BookState state() const { return state_; }
    const OrderBook& book() const { return book_; }
    int64_t last_id() const { return last_id_; }
    size_t buffered() const { return buffer_.events.size(); }
    int64_t buffer_first_id() const { return buffer_.events.empty() ? 0 : buffer_.events.front().depth.first_id; }
    /// When the next request is due, for log records; meaningful while not synced.
    int64_t request_at_ns() const { return request_at_ns_; }

  private:
    struct Buffer {
        std::vector<DepthEvent> events;  // their spans keep the sizes; replay() points them into `levels`
        std::vector<Level> levels;

        void clear();
        void push(const DepthEvent& event);
    };

    void set_state(BookState state);
    void take(const DepthEvent& event, int64_t now_ns);
    void buffer(const DepthEvent& event, int64_t now_ns);
    void follow(const DepthEvent& event, int64_t now_ns);
    void replay(int64_t now_ns);
    void void_book(ResetReason reason, int64_t now_ns);
    void retry_later(int64_t now_ns);
    void compare(const QuoteFields& quote, int64_t now_ns);

    BookSink* sink_;
    Chance chance_;
    OrderBook book_;
    BookState state_ = BookState::disconnected;
    int64_t last_id_ = 0;    // of the book
    int64_t stream_id_ = 0;  // of the last event that came
    int64_t synced_at_ns_ = 0;

    Buffer buffer_;
    Buffer replay_;
    uint64_t ticket_ = 1;
    bool in_flight_ = false;
    int64_t request_at_ns_ = 0;
    uint32_t attempt_ = 0;

    // Quotes run ahead of the 100 ms depth events; the one that meets the book's id is rarely more than five
    // back.
    std::array<QuoteFields, 64> quotes_{};
    size_t quote_at_ = 0;
};

}  // namespace of::binance
