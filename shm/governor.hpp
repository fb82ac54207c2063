// The rule by which requests and connections to one venue are let through. Pure but for the page; time is an argument.
//
// The exchange counts request weight in minutes of its clock and tells in each answer how much is used: the larger of
// its figure and ours counts. After 429 or 418 nothing is sent until it allows. Connections follow a token bucket
// (GCRA), so that no five minutes see more than burst + 300 s / connection_every_ns of them.
#pragma once

#include "shm/governor_page.hpp"

namespace of::shm {

struct VenueLimits {
    uint64_t weight = 6'000;   ///< a minute
    uint64_t reserve = 1'500;  ///< of it, kept for urgent requests
    uint64_t connection_burst = 100;
    int64_t connection_every_ns = 1'500'000'000;
};

/// One moment on both clocks.
struct Moment {
    int64_t mono_ns;
    int64_t wall_ns;
};

class VenueBudget {
  public:
    VenueBudget(VenueRecord& record, const VenueLimits& limits) : record_(&record), limits_(limits) {}

    /// Spends `weight` and returns 0, or spends nothing and returns for how long to wait, ns.
    int64_t take(uint64_t weight, bool urgent, Moment now);
    /// Spends one connection attempt, or says for how long to wait, ns.
    int64_t take_connection(int64_t mono_ns);
    /// The exchange's own count for the current minute, from an answer's header.
    void told(uint64_t used, int64_t wall_ns);
    /// The exchange answered 429 or 418: nothing is sent before `until_ns`.
    void shut(uint32_t status, int64_t until_ns);

    uint64_t used(int64_t wall_ns) const;
    /// For how long the gate stays shut; 0 when it is open. At most the longest ban, three days.
    int64_t shut_for_ns(int64_t mono_ns) const;
    /// Connection attempts that would be let through now.
    uint64_t connections_left(int64_t mono_ns) const;
    const VenueLimits& limits() const { return limits_; }
    VenueRecord& record() const { return *record_; }

  private:
    int64_t connections_spent_ns(int64_t mono_ns) const;
    VenueRecord* record_;
    VenueLimits limits_;
};

}  // namespace of::shm
