// What others ask of the store: trades and totals, over read-only connections of their own, committed rows only.
#pragma once

#include <map>

#include "workers/runtime/call.hpp"
#include "workers/storage/sqlite.hpp"

namespace of::storage {

/// Rows of one answer at most.
inline constexpr uint32_t rows_max = 10'000;

class Queries {
  public:
    explicit Queries(std::string folder) : folder_(std::move(folder)) {}

    /// Serves one call of communication; ends the reply.
    void serve(const Call& call, Reply& reply);

  private:
    struct Row {
        ReplyTrade trade;
        bool buyer_is_maker;
    };
    struct Totals {
        int64_t trades = 0;
        int64_t agg_trades = 0;
        int64_t gap_ids = 0;
        int64_t repaired = 0;
        int64_t last_trade_id = 0;
        int64_t last_agg_id = 0;
    };
    Expected<std::vector<Row>> trades(const Call& call);
    Expected<std::map<std::string, Totals>> totals();
    Expected<void> add_totals(Database& database, std::map<std::string, Totals>& into);
    Expected<Database*> connection(int64_t day);

    std::string folder_;
    std::map<int64_t, Database> connections_;
};

}  // namespace of::storage
