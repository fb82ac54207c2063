// What a predecessor has left in the market ring: the last trade ids of each symbol, and the gaps whose
// repair it did not finish.
//
// Read once, before the first message of this incarnation, by the ring's own writer: nobody else changes the
// slots meanwhile. Walks back from the tail over all that the ring still holds.
#pragma once

#include <vector>

#include "proto/market.hpp"
#include "shm/broadcast.hpp"

namespace of::binance {

struct OpenGap {
    GapKind kind;
    int64_t first_id;
    int64_t last_id;
    CorrelationId correlation;  ///< of the work that found it
    friend bool operator==(const OpenGap&, const OpenGap&) = default;
};

struct SymbolTail {
    int64_t trade_id = 0;  ///< of the newest live trade in the ring; 0 when there is none
    int64_t agg_id = 0;
    std::vector<OpenGap> open_gaps;        ///< oldest first
    std::vector<int64_t> repaired_trades;  ///< ids that a repair has brought already
    std::vector<int64_t> repaired_aggs;
};

/// One entry for each of the first `symbols` entries of the symbol directory.
std::vector<SymbolTail> read_tail(const shm::Segment& market, uint64_t tail, size_t symbols);

}  // namespace of::binance
