// What ofctl top shows of an instance at one moment, as plain values: the screen is drawn from them by a pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {

struct TopWorker {
    std::string name;
    std::string state;
    Tone tone = Tone::plain;
    uint64_t pid = 0;  ///< 0 when it does not run
    std::string up;
    uint64_t restarts = 0;
    std::string last_exit;  ///< "signal 9", or empty
    bool frozen = false;
    std::optional<double> cpu_percent;
    uint64_t rss_bytes = 0;
    int64_t beat_ns = -1;  ///< age of the heartbeat; -1: none
    std::optional<double> messages_per_s;
    uint64_t lag = 0;
    uint64_t lost = 0;
    bool stopped = false;  ///< waits for an operator's start
};

struct TopRing {
    std::string name;
    std::optional<uint64_t> rate;  ///< messages in a second; nothing at the first look
    uint64_t bytes_per_s = 0;
    std::string reader;  ///< the one that is furthest behind
    uint64_t lag = 0;    ///< of that one
    uint64_t slots = 1;
    uint64_t lost_per_s = 0;  ///< refused by a full queue, or overwritten before a reader came

    double fill() const { return static_cast<double>(lag) / static_cast<double>(slots); }
};

struct TopBreaker {
    std::string id;
    std::string state;
    Tone tone = Tone::plain;
    uint64_t recent = 0;
    uint64_t failed = 0;
    uint64_t trips = 0;
    uint64_t refused = 0;
    std::string ends;
    std::string reason;
};

/// A histogram of times: over the last interval, and its greatest value ever.
struct TopLatency {
    std::string name;  ///< "storage commit_ns"
    std::optional<double> rate;
    std::string p50;  ///< "-" where the interval brought no value
    std::string p99;
    std::string p99_ever;
    std::string max_ever;
};

struct TopRecord {
    int64_t wall_ns = 0;
    std::string level;
    Tone tone = Tone::plain;
    std::string process;
    std::string text;
};

struct TopView {
    std::string instance;
    int64_t wall_ns = 0;
    std::string supervisor;  ///< "supervisor pid 4103, up 3m12s"
    Tone tone = Tone::plain;
    std::vector<TopWorker> workers;
    std::vector<TopRing> rings;
    std::vector<TopBreaker> breakers;
    std::vector<TopLatency> latencies;
    std::vector<TopRecord> warnings;  ///< of all processes, the newest last
    std::vector<TopRecord> records;   ///< of the worker whose log is open, the newest last
};

}  // namespace of::ofctl
