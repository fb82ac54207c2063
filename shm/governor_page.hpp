// The governor page (`<name>.governor`): what of an exchange's request limits is spent. The limits count for the host's
// address, so all processes of one user on a host share the page, whatever instance they are of.
//
// Any of them writes it, at any time, and may die at any instruction: so each decision is one compare-and-swap on one
// word, and what a dead process has spent stays spent. Written by governor.hpp alone. Zero-filled memory is a page on
// which nothing is spent.
#pragma once

#include "shm/layout.hpp"
#include "shm/shared_text.hpp"

namespace of::shm {

inline constexpr size_t venues_max = 16;

/// One exchange, or one stand-in of it.
struct alignas(line_bytes) VenueRecord {
    std::atomic<uint64_t> key;            ///< FNV-1a of the name; 0: free
    std::atomic<uint64_t> spent;          ///< minute of the wall clock << 24 | request weight spent in it
    std::atomic<int64_t> shut_until_ns;   ///< nothing may be sent before; CLOCK_MONOTONIC
    std::atomic<int64_t> connections_ns;  ///< when the budget of connections would be whole again; CLOCK_MONOTONIC
    std::atomic<uint32_t> shut_status;    ///< the HTTP status that shut the gate last: 429 or 418
    uint32_t reserved;
    std::atomic<uint64_t> granted;      ///< requests
    std::atomic<uint64_t> weight;       ///< of these
    std::atomic<uint64_t> limited;      ///< answers 429 and 418
    std::atomic<uint64_t> connections;  ///< attempts that were let through
    SharedText<64> name;
    char padding[112];
};
static_assert(sizeof(VenueRecord) == 256 && offsetof(VenueRecord, name) == 72);

struct GovernorPage {
    static constexpr std::string_view layout = "governor 1";

    std::array<VenueRecord, venues_max> venues;

    /// The record of this venue, a new one if need be; nullptr when all are taken. Any process, at any time.
    VenueRecord* claim(std::string_view name) {
        const auto key = fnv1a(name) | 1;  // never 0
        for (auto& venue : venues) {
            uint64_t found = 0;
            // Who loses the race for a free record looks at whose it has become.
            if (venue.key.compare_exchange_strong(found, key, std::memory_order_acq_rel)) found = key;
            if (found != key) continue;
            venue.name.store(name);  // the same bytes from each who comes; a killed first one may have left none
            return &venue;
        }
        return nullptr;
    }
};
static_assert(sizeof(GovernorPage) == venues_max * sizeof(VenueRecord) && std::is_standard_layout_v<GovernorPage>);

}  // namespace of::shm
