// From one market ring to batches for the store.
//
// Reads what is there, keeps the rows and ledger entries, and says when the batch is due: when it is full,
// when its oldest row is old enough, or when the next row belongs to another UTC day. That next row is kept
// aside until the batch is stored; while it cannot be stored nothing more is read, and the ring keeps the
// rest. Allocates nothing after construction.
#pragma once

#include "shm/book_page.hpp"
#include "workers/runtime/channels.hpp"
#include "workers/storage/sink.hpp"

namespace of::storage {

struct BatchLimits {
    size_t rows_max = 1'000;
    int64_t age_ns_max = 50 * ns_per_ms;
};

class Ingest {
  public:
    /// `from` is where the subscriber stands. `book` names the symbols of this feed.
    Ingest(Subscriber<128> ring, shm::Segment book, Store& store, BatchLimits limits);

    /// Takes in at most `limit` messages; returns how many.
    size_t read(size_t limit, int64_t now_ns);
    /// Whether read() would take in something.
    bool readable() const { return !blocked() && ring_.ready(); }
    /// Whether the batch should be stored now.
    bool due(int64_t now_ns) const { return blocked() || (!batch_.entries.empty() && now_ns >= due_ns()); }
    /// When the batch will be due by its age; meaningful while there is one.
    int64_t due_ns() const { return first_ns_ + limits_.age_ns_max; }
    bool empty() const { return batch_.entries.empty() && !next_; }
    const Batch& batch() const { return batch_; }
    /// The batch is stored: its messages are acknowledged, and the row that was kept aside begins the next
    /// one.
    void stored(int64_t now_ns);

    const Subscriber<128>& ring() const { return ring_; }
    /// Messages lost to laps since the last call.
    uint64_t take_lost();
    /// Rows whose symbol the feed's directory does not name: not stored.
    uint64_t refused() const { return refused_; }

  private:
    bool blocked() const { return next_.has_value() || batch_.entries.size() >= limits_.rows_max; }
    void take_in(uint64_t position, int64_t now_ns);
    Day day_for(const Entry& entry) const;
    std::optional<uint32_t> symbol_of(uint16_t index);

    Subscriber<128> ring_;
    shm::Segment book_;
    Store& store_;
    BatchLimits limits_;
    Batch batch_;
    std::optional<Entry> next_;
    Day next_day_ = 0;
    Day row_day_ = 0;  ///< of the last trade, for ledger entries, which have no day of their own
    int64_t first_ns_ = 0;
    uint64_t lost_told_ = 0;
    uint64_t refused_ = 0;
    std::vector<std::optional<uint32_t>> symbols_;
};

}  // namespace of::storage
