// When the messages of a ring were published, from their headers: the longest gap between two of them and, of market
// rings, how long after their receipt. Reads beside the ring's readers; never writes.
//
// Whoever is lapped knows of no gap across what was overwritten: look often enough.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "shm/metrics_page.hpp"
#include "supervisor/ofctl/decode.hpp"

namespace of::ofctl {

class PublishTimes {
  public:
    /// Begins behind the last message that is there.
    PublishTimes(const std::string& channel, shm::Segment segment);

    /// Begins an interval; the gap to the message before it counts.
    void begin();
    /// Reads what was published since the last look. The messages tell their receipt by the wall clock, and when they
    /// were published by the monotonic one: `wall_ahead_ns` is the difference of the two.
    void look(int64_t wall_ahead_ns);

    /// Nothing when no two messages that follow each other were seen.
    std::optional<uint64_t> longest_gap_ns() const { return longest_gap_ns_; }
    struct Latency {
        uint64_t messages;
        uint64_t p50_ns;
        uint64_t p99_ns;
    };
    /// From receipt to publication; nothing where no message told both.
    std::optional<Latency> latency() const;

  private:
    void note(int64_t wall_ahead_ns);
    void note_latency(int64_t latency_ns);

    RingView ring_;
    std::unordered_map<uint16_t, size_t> receive_at_;  ///< offset of its receive_ns in a message, by type
    std::vector<std::byte> message_;
    uint64_t next_ = 0;
    std::optional<uint64_t> last_ns_;  ///< of the message before `next_`, if it was read
    std::optional<uint64_t> longest_gap_ns_;
    shm::MetricsSnapshot::Value latencies_{nullptr, 0, {}};
};

}  // namespace of::ofctl
