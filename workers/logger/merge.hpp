// The logger: all processes' log rings, merged by wall time, into one file.
//
// Each turn takes what the rings hold, but for the youngest few milliseconds, which may still get company
// from another ring; sorts it by time, writes the lines with one write(2), and only then moves the cursors:
// nothing is lost when the logger is killed; the last batch may be written twice. Records that a ring
// overwrote before they were read are counted, in a line at their place. Woken by the first record, it waits
// a little to merge and write more at once; a ring that fills meanwhile is taken in at once. When the disk
// refuses, the batch is kept and tried again, and the rings keep the rest.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "workers/logger/file_sink.hpp"
#include "workers/logger/format.hpp"
#include "workers/logger/repeat_limit.hpp"
#include "workers/logger/sandbox_rules.hpp"
#include "workers/runtime/nap.hpp"
#include "workers/runtime/worker.hpp"

namespace of::logger {

struct MergeSettings {
    LineFormat format = LineFormat::text;
    LogLevel least = LogLevel::info;
    uint64_t repeats_per_second = 100;
    FileSettings file;
};

class Merge : public Worker {
  public:
    Merge(Runtime& runtime, const MergeSettings& settings);

    Expected<void> start() override;
    SandboxRules sandbox() const override { return sandbox_rules(settings_.file.folder); }
    size_t poll() override;
    bool pending() const override;
    void tick(int64_t now_ns) override;
    bool calm() const override { return retry_at_ns_ == 0 && !repeats_.any_omitted(); }
    void drain() override;
    bool drained() const override;

  private:
    struct Ring {
        ProcessId process;
        Subscriber<256> subscriber;
        uint64_t lost_told = 0;
        uint64_t drain_to = 0;  ///< position that the drain must reach
    };
    struct Line {
        int64_t wall_ns;
        uint64_t position;
        LogRecord record;
    };
    void collect();
    void collect_ring(Ring& ring, int64_t now_ns);
    void take(Ring& ring, const LogRecord& record);
    void note_lost(Ring& ring, int64_t wall_ns);
    void begin_collecting();
    /// Records in a ring that had better be read now.
    static uint64_t crowd(const Ring& ring);
    bool crowded() const;
    bool read_out() const;
    void add_omitted(int64_t now_ns);
    void write_out();
    LogRecord own_record(CorrelationId correlation) const;
    bool any_ready() const;

    Runtime& runtime_;
    MergeSettings settings_;
    FileSink sink_;
    RepeatLimit repeats_;
    std::vector<Ring> rings_;
    std::vector<Line> lines_;
    std::string text_;
    boost::asio::steady_timer timer_;
    bool timer_armed_ = false;
    bool collecting_due_ = false;
    size_t collected_ = 0;
    Nap nap_;
    int64_t retry_at_ns_ = 0;
    bool draining_ = false;
    Counter written_, lost_, bytes_, omitted_, failures_;
};

}  // namespace of::logger
