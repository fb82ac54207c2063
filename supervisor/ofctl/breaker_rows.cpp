#include "supervisor/ofctl/breaker_rows.hpp"

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

std::string BreakerRow::ends_text() const {
    const auto ends = ends_in_ns();
    return ends ? span_text(*ends) : forced() ? "reset" : "-";
}

Tone BreakerRow::tone() const {
    if (state == BreakerState::closed) return Tone::good;
    return state == BreakerState::open || state == BreakerState::forced_open ? Tone::bad : Tone::warn;
}

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

}  // namespace of::ofctl
