// of-storage: everything that is kept. Market rings in, SQLite files out, queries answered.
//
// Exactly once: the position in the ring is committed with the rows, and rows are keyed by the exchange's
// ids. When the store refuses (disk full, locked) the batch is kept and tried again with a growing delay, the
// rings keep what follows, and nothing else waits; the loss begins, counted and in the ledger, when a ring
// has come round.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "workers/runtime/nap.hpp"
#include "workers/runtime/worker.hpp"
#include "workers/storage/ingest.hpp"
#include "workers/storage/queries.hpp"
#include "workers/storage/sandbox_rules.hpp"
#include "workers/storage/sqlite_sink.hpp"

namespace of::storage {

class Storage : public Worker {
  public:
    Storage(Runtime& runtime, const settings::Values& settings);

    Expected<void> start() override;
    SandboxRules sandbox() const override { return sandbox_rules(store_options_.folder); }
    size_t poll() override;
    bool pending() const override;
    void tick(int64_t now_ns) override;
    void drain() override;
    bool drained() const override { return finished_; }

  private:
    struct Counters {
        explicit Counters(Metrics& metrics);
        Counter trades, agg_trades, duplicates, commits, lost, refused, failures, expired;
        Gauge wal_pages;
        Histogram commit_ns, receive_to_disk_ns;
    };

    Expected<void> open_ring(ProcessId feed);
    Expected<Subscriber<128>> subscriber(ProcessId feed);
    void note_laps(Ingest& ingest);
    void store(Ingest& ingest, int64_t now_ns);
    void count(const Ingest& ingest, const Committed& committed, int64_t began_ns);
    void trace(const Ingest& ingest);
    void failed(const Error& error, CorrelationId cause, int64_t now_ns);
    void set_alarm();
    /// Whether every ring is stored as far as drain() demands, and nobody writes any more.
    bool all_stored() const;
    void finish_drain();

    Runtime& runtime_;
    SqliteOptions store_options_;
    BatchLimits limits_;
    Counters counters_;
    Nap nap_;
    std::unique_ptr<SqliteSink> sink_;
    std::unique_ptr<Queries> queries_;
    std::unique_ptr<CallServer> calls_;
    struct Source {
        ProcessId feed;
        Ingest ingest;
        uint64_t drain_to = 0;
    };
    std::vector<Source> sources_;
    boost::asio::steady_timer alarm_;
    int64_t alarm_ns_ = 0;
    int64_t retry_ns_ = 0;               ///< no commit before this
    CircuitBreaker* breaker_ = nullptr;  ///< "store": what commits go through
    int64_t retry_delay_ns_ = 0;         ///< 0 while all is well
    int64_t failure_told_ns_ = 0;
    uint64_t refused_told_ = 0;
    uint64_t expired_told_ = 0;
    std::string written_;  ///< file last told of in the log
    bool draining_ = false;
    bool finished_ = false;
};

}  // namespace of::storage
