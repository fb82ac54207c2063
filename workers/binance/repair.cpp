#include "workers/binance/repair.hpp"

#include <fmt/format.h>

namespace of::binance {

void Repair::add(const Gap& gap) {
    if (gap.last_id - gap.first_id + 1 > ids_max_) return finish({gap, gap.first_id}, "more ids than repair_ids_max");
    if (tasks_.size() >= gaps_max) return finish({gap, gap.first_id}, "too many gaps are waiting");
    tasks_.push_back({gap, gap.first_id});
}

void Repair::pump(int64_t now_ns) {
    while (!busy_) {
        const auto due = std::ranges::find_if(tasks_, [&](const Task& task) { return task.not_before_ns <= now_ns; });
        if (due == tasks_.end()) return;
        current_ = *due;
        tasks_.erase(due);
        if (current_.gap.lane->missing(current_.gap) == 0) {  // all of it has come late over the stream
            finish(current_, "");
        } else {
            fetch();
        }
    }
}

void Repair::fetch() {
    const auto& gap = current_.gap;
    busy_ = true;
    const auto limit = std::min(ids_per_call, gap.last_id - current_.next_id + 1);
    const bool single = gap.kind == GapKind::trade;
    const auto target =
        fmt::format("/api/v3/{}?symbol={}&fromId={}&limit={}", single ? "historicalTrades" : "aggTrades",
                    percent_encode(gap.lane->name()), current_.next_id, limit);
    (single ? history_ : data_)
        .get({.target = target,
              .weight = single ? historical_trades_weight : agg_trades_weight,
              .urgent = false,
              .cause = gap.correlation},
             [this](RestAnswer& answer) { on_answer(answer); });
}

void Repair::on_answer(RestAnswer& answer) {
    busy_ = false;
    handle(answer);
    pump(mono_ns());
}

void Repair::handle(RestAnswer& answer) {
    if (!answer.ok()) return retry(answer.error);
    const auto rows = decoder_.trades(answer.body, current_.gap.kind);
    if (!rows) return retry(rows.error().message);
    if (!take(*rows)) return retry("the exchange does not have them");
    if (current_.next_id > current_.gap.last_id) return finish(current_, "");
    current_.tries = 0;
    tasks_.push_back(current_);
}

bool Repair::take(std::span<const TradeFields> rows) {
    const auto& gap = current_.gap;
    const auto before = current_.next_id;
    const Mark mark{gap.correlation, wall_ns(), mono_ns(), runtime_.trace().sampled(gap.correlation)};
    for (const auto& row : rows) {
        if (row.id < current_.next_id) continue;
        if (row.id <= gap.last_id) gap.lane->on_repaired(gap.kind, row, mark);
        // An id above the gap proves that the exchange has nothing more inside it.
        current_.next_id = std::min(row.id, gap.last_id) + 1;
    }
    return current_.next_id > before;
}

void Repair::retry(std::string_view reason) {
    if (++current_.tries > tries_max) return finish(current_, reason);
    current_.not_before_ns = mono_ns() + doubled(retry_min_ms, retry_max_ms, current_.tries - 1) * ns_per_ms;
    tasks_.push_back(current_);
}

void Repair::finish(const Task& task, std::string_view failure) {
    const auto& gap = task.gap;
    const auto here = gap.lane->close_gap(gap);
    auto& log = runtime_.log();
    if (gap.lane->missing(gap) == 0) {
        log.write(log_event::gap_closed, gap.correlation, gap.lane->name(), name_of(gap.kind), gap.first_id,
                  gap.last_id, here);
    } else {
        log.write(log_event::gap_repair_failed, gap.correlation, gap.lane->name(), name_of(gap.kind), gap.first_id,
                  gap.last_id, failure.empty() ? "the exchange does not have all of them" : failure);
    }
}

}  // namespace of::binance
