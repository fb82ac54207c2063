// The breaker page (`breaker.P`): the state of each circuit breaker of one process, for the process itself after its
// restart and for whoever looks. Written by P alone, and only by breaker.hpp; an operator's wish reaches it as a
// command.
//
// Times are CLOCK_MONOTONIC ns. Zero-filled memory is a page without breakers, and a record of zeros a closed breaker.
#pragma once

#include "shm/layout.hpp"
#include "shm/shared_text.hpp"

namespace of::shm {

inline constexpr size_t breakers_max = 16;
inline constexpr size_t breaker_leases_max = 8;
inline constexpr size_t breaker_failures_max = 32;
inline constexpr size_t breaker_buckets = 10;

enum class BreakerState : uint32_t { closed, open, half_open, forced_open, forced_closed };
std::string_view name_of(BreakerState state);

/// A probe that was let through and has not reported: the lease ends at `until_ns` at the latest.
struct BreakerLease {
    std::atomic<uint64_t> id;
    std::atomic<int64_t> until_ns;  ///< 0: free
};
/// Calls in a tenth of the window.
struct BreakerBucket {
    std::atomic<int64_t> epoch;  ///< time divided by a tenth of the window
    std::atomic<uint64_t> calls;
    std::atomic<uint64_t> failures;
};

struct alignas(line_bytes) BreakerRecord {
    char name[32];
    std::atomic<uint32_t> state;       ///< BreakerState
    std::atomic<uint32_t> generation;  ///< counts up with each change of state; results of an older one do not count
    std::atomic<int64_t> since_ns;     ///< of this state
    std::atomic<int64_t> retry_ns;     ///< when an open breaker lets probes through
    std::atomic<int64_t> forced_until_ns;  ///< 0: until an operator says otherwise
    std::atomic<uint32_t> trips_in_row;    ///< without a healthy period between: doubles the open time
    std::atomic<uint32_t> probes_succeeded;
    std::atomic<uint64_t> failures_at;  ///< failures so far; the newest lies at (failures_at - 1) mod 32
    std::atomic<uint64_t> allowed;
    std::atomic<uint64_t> refused;
    std::atomic<uint64_t> succeeded;
    std::atomic<uint64_t> failed;
    std::atomic<uint64_t> ignored;  ///< results that say nothing of the dependency
    std::atomic<uint64_t> late;     ///< results of an older generation or an ended lease
    std::atomic<uint64_t> trips;
    std::atomic<uint64_t> leases_lost;  ///< probes that never reported: their process died, or their time ran out
    std::atomic<uint64_t> lease_ids;
    std::array<BreakerLease, breaker_leases_max> leases;
    std::array<std::atomic<int64_t>, breaker_failures_max> failure_ns;
    std::array<BreakerBucket, breaker_buckets> buckets;
    // The rules, for readers.
    std::atomic<int64_t> window_ns;
    std::atomic<int64_t> open_ns;
    std::atomic<int64_t> open_max_ns;
    std::atomic<uint32_t> failures_max;
    std::atomic<uint32_t> rate_percent;
    std::atomic<uint32_t> calls_min;
    std::atomic<uint32_t> probes;
    // Texts, under their lock.
    SequenceLock lock;
    uint32_t reserved;
    std::atomic<int64_t> last_failure_wall_ns;
    std::atomic<uint64_t> last_correlation;
    SharedText<64> last_failure;
    SharedText<64> reason;               ///< of whoever forced it
    std::atomic<uint64_t> last_command;  ///< correlation ID of the last operator's command that was obeyed
    char padding[48];
};
static_assert(std::is_standard_layout_v<BreakerRecord> && sizeof(BreakerRecord) == 1024);
static_assert(offsetof(BreakerRecord, state) == 32 && offsetof(BreakerRecord, allowed) == 80 &&
              offsetof(BreakerRecord, leases) == 152 && offsetof(BreakerRecord, failure_ns) == 280 &&
              offsetof(BreakerRecord, buckets) == 536 && offsetof(BreakerRecord, window_ns) == 776 &&
              offsetof(BreakerRecord, lock) == 816 && offsetof(BreakerRecord, last_failure) == 840);

struct BreakerPage {
    static constexpr std::string_view layout = "breaker 2";

    alignas(line_bytes) std::atomic<uint32_t> used;
    char reserved[124];
    std::array<BreakerRecord, breakers_max> records;

    /// Breakers that are there; a damaged count is cut to what fits.
    size_t size() const { return std::min<size_t>(used.load(std::memory_order_acquire), breakers_max); }
    BreakerRecord* find(std::string_view name) {
        for (size_t i = 0; i < size(); ++i) {
            if (text_of(records[i].name) == name) return &records[i];
        }
        return nullptr;
    }
    /// The owner's: the record of this name, a new one if need be; nullptr when the page is full or the name too long.
    BreakerRecord* add(std::string_view name) {
        if (auto* known = find(name)) return known;
        const auto at = size();
        if (at == breakers_max || name.empty() || name.size() >= sizeof BreakerRecord::name) return nullptr;
        std::memcpy(records[at].name, name.data(), name.size());
        used.store(static_cast<uint32_t>(at + 1), std::memory_order_release);  // pairs with size(): the name is whole
        return &records[at];
    }
};
static_assert(sizeof(BreakerPage) == 128 + breakers_max * sizeof(BreakerRecord));

}  // namespace of::shm
