// What storage asks of a store: whole batches in, in the order of their ring, each with the cursor that makes
// it count once.
//
// One batch is one transaction and belongs to one UTC day. After an error nothing of it is stored, and the
// same batch may be committed again. Implemented by SqliteSink; tests use their own. Owned by the storage
// worker's event loop.
#pragma once

#include <string>
#include <vector>

#include "proto/market.hpp"
#include "shm/error.hpp"
#include "workers/storage/day.hpp"

namespace of::storage {

/// One message for the store: a trade, an aggregate trade, or an entry of the gap ledger.
struct Entry {
    uint64_t position = 0;
    uint32_t symbol = 0;     ///< as Store::symbol says
    bool after_lap = false;  ///< this reader was lapped since it began
    union {
        Header header;
        Trade trade;
        AggTrade agg_trade;
        GapOpened gap_opened;
        GapRepaired gap_repaired;
    };
    Entry() : header{} {}
};

struct Batch {
    std::string channel;  ///< "market.0"
    uint64_t generation = 0;
    uint64_t end_position = 0;  ///< every message before it is in this batch, in an earlier one, or no row
    Day day = 0;
    std::vector<Entry> entries;
};

struct Committed {
    uint64_t trades = 0;
    uint64_t agg_trades = 0;
    uint64_t duplicates = 0;
    uint64_t lapped_ids = 0;  ///< ids that the ledger now misses and of which the feed had said nothing
};

/// Where a ring's rows end in the store.
struct StoredCursor {
    std::string channel;
    uint64_t generation = 0;
    uint64_t position = 0;
};

class Store {
  public:
    virtual ~Store() = default;

    virtual Expected<Committed> commit(const Batch& batch) = 0;
    /// Of this generation; or of another, if there is none of this; nothing if the store has never seen the
    /// channel.
    virtual const StoredCursor* cursor(const std::string& channel, uint64_t generation) const = 0;
    /// The store's number for a name.
    virtual uint32_t symbol(std::string_view name) = 0;
    /// The day whose file holds this open gap, or `otherwise`.
    virtual Day gap_day(uint32_t symbol, GapKind kind, int64_t first_id, Day otherwise) const = 0;
    /// For quiet moments: housekeeping that can wait.
    virtual void idle() = 0;
    /// Puts everything in order before the end.
    virtual void finish() = 0;
};

}  // namespace of::storage
