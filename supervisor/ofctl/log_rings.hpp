// The log rings of a running, dead or copied instance, merged by time. Read-only; a writer that is faster does not hold
// its reader up: what it overwrote is counted.
#pragma once

#include "proto/log_catalog.hpp"
#include "shm/broadcast.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {

struct LogRing {
    std::string channel;
    shm::Segment segment;
    shm::BroadcastReader<256> reader;
};
struct LogLine {
    LogRecord record;
    std::string channel;
};
/// Which records are asked for.
struct LogFilter {
    LogLevel least = LogLevel::debug;
    int64_t since_ns = 0;          ///< CLOCK_REALTIME
    int64_t until_ns = INT64_MAX;  ///< before it
    bool only_events = false;      ///< the life of the instance: see is_event()
    std::string text;

    bool takes(const LogRecord& record) const;
};

/// What concerns the life of the instance: all that the supervisor says, and what a worker says of its own state and
/// its breakers.
bool is_event(const LogRecord& record);
LogLevel level_of(std::string_view name);
/// Those of one process, or of all for an empty name, from the oldest record on that is still there.
std::vector<LogRing> open_log_rings(const View& view, const std::string& worker);
/// Appends what has come since the last call, as far as it goes now, and sorts `lines` by time. Says what was lost: a
/// sentence for each ring that was faster than its reader.
std::vector<std::string> collect(std::vector<LogRing>& rings, const LogFilter& filter, std::vector<LogLine>& lines);

}  // namespace of::ofctl
