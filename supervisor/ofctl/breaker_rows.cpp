#include "supervisor/ofctl/breaker_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace of::ofctl {

using shm::BreakerState;

bool BreakerRow::forced() const { return state == BreakerState::forced_open || state == BreakerState::forced_closed; }

std::optional<int64_t> BreakerRow::ends_in_ns() const {
    const auto at = forced() ? record->forced_until_ns.load(std::memory_order_relaxed)
                             : record->retry_ns.load(std::memory_order_relaxed);
    if ((!forced() && state != BreakerState::open) || at == 0) return {};
    return at <= now_ns ? 0 : at - now_ns;  // now is positive: no overflow, whatever the page says
}

std::string BreakerRow::text(const shm::SharedText<64>& field) const {
    std::string found;
    return record->lock.read([&] { found = field.load(); }) ? found : "";
}

uint64_t BreakerRow::recent_failures() const {
    const auto failures = of(record->failures_at);
    uint64_t recent = 0;
    for (uint64_t i = 0; i < std::min<uint64_t>(failures, shm::breaker_failures_max); ++i) {
        // Unsigned: a time that no clock has shown is simply not recent.
        const auto age = static_cast<uint64_t>(now_ns) -
                         static_cast<uint64_t>(record->failure_ns[i].load(std::memory_order_relaxed));
        recent += age < static_cast<uint64_t>(record->window_ns.load(std::memory_order_relaxed));
    }
    return recent;
}

std::optional<double> RecentCalls::error_percent() const {
    if (calls == 0) return {};
    return 100.0 * static_cast<double>(std::min(failures, calls)) / static_cast<double>(calls);
}

RecentCalls BreakerRow::recent_calls() const {
    constexpr auto tenths = static_cast<int64_t>(shm::breaker_buckets);
    const auto epoch = now_ns / std::max<int64_t>(record->window_ns.load(std::memory_order_relaxed) / tenths, 1);
    RecentCalls recent;
    for (const auto& bucket : record->buckets) {
        // Unsigned: a tenth that is not yet, or that no clock has shown, is simply not recent.
        const auto age =
            static_cast<uint64_t>(epoch) - static_cast<uint64_t>(bucket.epoch.load(std::memory_order_relaxed));
        if (age >= shm::breaker_buckets) continue;
        recent.calls += bucket.calls.load(std::memory_order_relaxed);
        recent.failures += bucket.failures.load(std::memory_order_relaxed);
    }
    return recent;
}

std::string BreakerRow::error_text() const {
    const auto percent = recent_calls().error_percent();
    return percent ? fmt::format("{:.1f}", *percent) : "-";
}

std::string BreakerRow::ends_text() const {
    const auto ends = ends_in_ns();
    return ends ? span_text(*ends) : forced() ? "reset" : "-";
}

Tone BreakerRow::tone() const { return tone_of(state); }

std::vector<BreakerRow> rows_of(const BreakerPages& pages) {
    std::vector<BreakerRow> rows;
    for (const auto& page : pages) {
        for (size_t i = 0; i < page.content().size(); ++i) {
            const auto& record = page.content().records[i];
            rows.push_back({page.process, std::string(shm::text_of(record.name)), &record,
                            static_cast<BreakerState>(record.state.load(std::memory_order_acquire)), mono_now()});
        }
    }
    return rows;
}

Tone tone_of(BreakerState state) {
    if (state == BreakerState::closed) return Tone::good;
    return state == BreakerState::open || state == BreakerState::forced_open ? Tone::bad : Tone::warn;
}

std::optional<BreakerState> worst_breaker(const View& view, const std::string& process) {
    using enum BreakerState;
    constexpr std::array mildest_first{closed, forced_closed, half_open, forced_open, open};
    constexpr auto unreadable = static_cast<BreakerState>(UINT32_MAX);
    const auto pages = open_pages<shm::BreakerPage>(view, "breaker", process);
    if (!pages) return pages.error().kind == ErrorKind::missing ? std::optional<BreakerState>() : unreadable;
    const auto rows = rows_of(*pages);
    const auto rank = [&](const BreakerRow& row) { return std::ranges::find(mildest_first, row.state); };
    const auto worst = std::ranges::max_element(rows, {}, rank);
    return worst == rows.end() ? std::optional<BreakerState>() : worst->state;
}

}  // namespace of::ofctl
