// The store's files, read with nothing but SQLite and the tables of STORE.md: a second opinion on what storage says of
// itself.
#pragma once

#include <map>
#include <string>

#include "shm/error.hpp"

namespace of::integration {

struct StoreCounts {
    uint64_t trades = 0;
    uint64_t agg_trades = 0;
    uint64_t trades_missing = 0;  ///< ids in the gap ledger and in no file
    uint64_t agg_trades_missing = 0;
    uint64_t trades_silent =
        0;  ///< ids between the first and the last stored that are neither stored nor in the ledger
    uint64_t agg_trades_silent = 0;
    uint64_t repaired = 0;  ///< rows of both kinds that came over REST
};

/// By symbol, over all days' files of `folder`. Each file must pass PRAGMA integrity_check.
Expected<std::map<std::string, StoreCounts>> read_store(const std::string& folder);

}  // namespace of::integration
