// What communication asks of the store: trades of a symbol, and what is stored of each symbol. Committed rows
// only.
//
// Own read-only connections, so that a query never sees a half batch; each query has a time limit, since a
// reader that lingers keeps the write-ahead log from being emptied. Runs in the storage worker's event loop.
#pragma once

#include <deque>

#include "workers/runtime/call.hpp"
#include "workers/storage/catalog.hpp"

namespace of::storage {

/// Rows that one call may ask for; more are cut to this. Fits the reply queue of the topology.
inline constexpr uint32_t trades_max = 10'000;

class Queries {
  public:
    explicit Queries(const Catalog& catalog) : catalog_(catalog) {}

    /// Serves call_trades and call_storage_stats; ends the reply in each case.
    void serve(const Call& call, Reply& reply);

  private:
    CallStatus trades(const Call& call, Reply& reply);
    CallStatus stats(const Call& call, Reply& reply) const;
    struct Row {
        int64_t id, price, quantity, trade_ns, receive_ns, maker, repaired, correlation;
    };
    struct Wanted {
        uint32_t symbol;
        int64_t from_id;
        size_t limit;
        bool newest;
        int64_t deadline_ns;
    };
    Expected<std::deque<Row>> collect(const Wanted& wanted);
    Expected<std::vector<Row>> rows_of(Day day, const Wanted& wanted, size_t limit);
    Expected<Database*> connection(Day day);

    const Catalog& catalog_;
    struct Open {
        Day day;
        Database database;
    };
    std::deque<Open> open_;
};

}  // namespace of::storage
