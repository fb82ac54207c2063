// The circuit breakers of an instance, a row each. Read-only: a row points into its page, which stays mapped as long as
// the pages are kept.
#pragma once

#include "shm/breaker.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {

using BreakerPages = std::vector<PageOf<shm::BreakerPage>>;

/// Calls within a breaker's window, as it counts them while it is closed.
struct RecentCalls {
    uint64_t calls = 0;
    uint64_t failures = 0;
    /// Nothing without calls.
    std::optional<double> error_percent() const;
};

/// A record as it is at one moment.
struct BreakerRow {
    std::string process;
    std::string name;
    const shm::BreakerRecord* record;
    shm::BreakerState state;
    int64_t now_ns;

    std::string id() const { return process + "/" + name; }
    uint64_t of(const std::atomic<uint64_t>& counter) const { return counter.load(std::memory_order_relaxed); }
    bool forced() const;
    /// Until probes may go, or the force ends; nothing when there is no such moment.
    std::optional<int64_t> ends_in_ns() const;
    std::string text(const shm::SharedText<64>& field) const;
    uint64_t recent_failures() const;
    RecentCalls recent_calls() const;
    /// "2.5", or "-".
    std::string error_text() const;
    /// "12s", "reset" for a force without end, else "-".
    std::string ends_text() const;
    Tone tone() const;
};

std::vector<BreakerRow> rows_of(const BreakerPages& pages);
/// The state of a process's worst breaker: open is worse than forced-open, half-open, forced-closed, closed. Nothing
/// for a process that has none; a state that no breaker has for a page that cannot be read.
std::optional<shm::BreakerState> worst_breaker(const View& view, const std::string& process);
Tone tone_of(shm::BreakerState state);

}  // namespace of::ofctl
