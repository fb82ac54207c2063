// Fetches missing trades by id over REST and hands them to their lane: aggTrades and historicalTrades, a
// thousand ids a call.
//
// One request at a time for all gaps, in turn, so that one long gap does not hold up the others. The
// exchange's database lags behind its streams, so an answer without the ids is asked for again after 1, 2, 4
// ... s; after `tries_max` tries without progress the gap stays open in the ledger. Owned by the feed's
// thread.
#pragma once

#include <deque>

#include "workers/binance/lane.hpp"
#include "workers/binance/rest.hpp"
#include "workers/binance/rest_decoder.hpp"

namespace of::binance {

class Repair {
  public:
    static constexpr size_t gaps_max = 1'024;  ///< waiting at one time
    static constexpr int64_t ids_per_call = 1'000;
    static constexpr uint32_t tries_max = 6;
    static constexpr int64_t retry_min_ms = 1'000;
    static constexpr int64_t retry_max_ms = 30'000;

    /// `data` serves aggTrades, `history` historicalTrades; they may be the same.
    Repair(Runtime& runtime, Rest& data, Rest& history, int64_t ids_max)
        : runtime_(runtime), data_(data), history_(history), ids_max_(ids_max) {}

    void add(const Gap& gap);
    /// Goes on with what is due.
    void pump(int64_t now_ns);
    size_t waiting() const { return tasks_.size() + (busy_ ? 1 : 0); }

  private:
    struct Task {
        Gap gap;
        int64_t next_id;
        uint32_t tries = 0;
        int64_t not_before_ns = 0;
    };
    void fetch();
    void on_answer(RestAnswer& answer);
    void handle(RestAnswer& answer);
    /// Publishes what was missing; true when the task has come further.
    bool take(std::span<const TradeFields> rows);
    void retry(std::string_view reason);
    void finish(const Task& task, std::string_view failure);

    Runtime& runtime_;
    Rest& data_;
    Rest& history_;
    int64_t ids_max_;
    RestDecoder decoder_;
    std::deque<Task> tasks_;
    Task current_{};
    bool busy_ = false;
};

}  // namespace of::binance
