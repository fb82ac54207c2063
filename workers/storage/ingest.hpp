// From the market rings to the day files: reads in ring order, collects a batch, commits it with its cursors, acknowledges.
//
// Exactly once: a row is keyed by (symbol, exchange id), and the ring positions are committed in the same transaction, so a
// killed worker's successor goes on right behind the last commit. A batch never spans two days; commits are in ring order.
// When SQLite refuses (disk full, locked), the batch is rolled back and read again from the ring after a pause.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>

#include "shm/book_page.hpp"
#include "workers/runtime/worker.hpp"
#include "workers/storage/continuity.hpp"
#include "workers/storage/day_file.hpp"
#include "workers/storage/queries.hpp"

namespace of::storage {

struct IngestSettings {
    uint64_t batch_rows_max = 1000;
    int64_t batch_age_ns = 50 * ns_per_ms;
    bool full_sync = false;
    int64_t retention_days = 0;
};

class Ingest : public Worker {
  public:
    Ingest(Runtime& runtime, const IngestSettings& settings);

    Expected<void> start() override;
    size_t poll() override;
    bool pending() const override;
    void tick(int64_t now_ns) override;
    void drain() override { draining_ = true; }
    bool drained() const override;

  private:
    struct Ring {
        ProcessId feed;
        Subscriber<128> subscriber;
        shm::Segment book;
        uint64_t batch_start;  ///< everything before it is committed
        uint64_t handled;      ///< everything before it is in the open transaction, or needs none
        uint64_t lost_told;
    };
    struct Traced {
        CorrelationId correlation;
        int64_t id;
        int64_t position;
        uint16_t symbol;
    };

    Expected<void> open_rings();
    Expected<void> resume_from_files();
    size_t read_ring(Ring& ring, size_t limit);
    Expected<void> handle(Ring& ring);
    Expected<void> store_trade(Ring& ring, std::string_view symbol);
    Expected<void> store_agg_trade(Ring& ring, std::string_view symbol);
    template <typename Row>
    Expected<void> store_row(Ring& ring, const Row& row, GapKind kind, std::string_view symbol);
    Expected<void> note_hole(const Continuity::Hole& hole, GapKind kind, std::string_view symbol, const Header& header);
    Expected<void> open_batch(int64_t day);
    Expected<void> commit();
    void after_commit();
    void commit_or_retry();
    void fail_batch(const Error& error);
    void schedule_commit();
    void drop_old_files();

    Runtime& runtime_;
    IngestSettings settings_;
    std::vector<Ring> rings_;
    std::unique_ptr<DayFile> file_;
    std::unique_ptr<CallServer> calls_;
    Queries queries_;
    Continuity continuity_;
    boost::asio::steady_timer timer_;
    uint64_t batch_rows_ = 0;
    bool commit_due_ = false;
    bool timer_armed_ = false;
    int64_t retry_at_ns_ = 0;
    int64_t retry_delay_ns_ = 0;
    int64_t complained_ns_ = 0;
    int64_t last_day_ = 0;
    uint64_t commits_since_checkpoint_ = 0;
    bool draining_ = false;
    std::vector<Traced> traced_;
    std::vector<int64_t> receive_times_;
    Counter stored_trades_, stored_agg_trades_, duplicates_, commits_, failures_, lost_;
    Histogram commit_time_, receive_to_disk_;
};

}  // namespace of::storage
