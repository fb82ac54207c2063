// The logger: all processes' log rings, merged by wall time, into one file.
//
// Each turn takes what the rings hold, sorts it by time, writes the lines with one write(2), and only then moves the cursors: nothing
// is lost when the logger is killed; the last batch may be written twice. Records that a ring overwrote before they were
// read are counted, in a line at their place. Woken by the first record, it waits a little to merge and write more at once.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "workers/logger/file_sink.hpp"
#include "workers/logger/format.hpp"
#include "workers/logger/repeat_limit.hpp"
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
    size_t poll() override;
    bool pending() const override;
    void tick(int64_t now_ns) override;
    void drain() override { draining_ = true; }
    bool drained() const override;

  private:
    struct Ring {
        ProcessId process;
        Subscriber<256> subscriber;
        uint64_t lost_told;
    };
    struct Line {
        int64_t wall_ns;
        uint64_t position;
        LogRecord record;
    };
    void collect();
    void collect_ring(Ring& ring);
    void note_lost(Ring& ring);
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
    uint64_t lines_written_ = 0;
    int64_t retry_at_ns_ = 0;
    bool draining_ = false;
    Counter written_, lost_, bytes_, omitted_, failures_;
};

}  // namespace of::logger
