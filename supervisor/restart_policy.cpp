#include "supervisor/restart_policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>

namespace of::supervisor {
namespace {

/// delay_min doubled for each failure after the second, up to delay_max.
int64_t backed_off(const RestartSettings& settings, uint64_t failures) {
    int64_t delay = settings.delay_min_ns;
    for (uint64_t i = 2; i < failures && delay < settings.delay_max_ns; ++i) delay *= 2;
    return std::min(delay, settings.delay_max_ns);
}

int64_t jittered(int64_t delay_ns, int64_t percent, double chance) {
    const auto spread = static_cast<double>(percent) / 100.0 * (2.0 * chance - 1.0);
    return delay_ns + static_cast<int64_t>(static_cast<double>(delay_ns) * spread);
}

/// The plan for the n-th failure in a row; what on_death does and schedule_of prints.
RestartPlan plan_for(const RestartSettings& settings, uint64_t failures, double chance) {
    if (failures >= static_cast<uint64_t>(settings.failures_max)) return {settings.probe_ns, true, failures};
    if (failures == 1) return {settings.first_delay_ns, false, failures};
    return {jittered(backed_off(settings, failures), settings.jitter_percent, chance), false, failures};
}

}  // namespace

std::string Death::describe() const {
    if (!known()) return "nobody knows how: it was not this supervisor's child";
    if (exit_code >= 0) return fmt::format("exit code {}", exit_code);
    return fmt::format("signal {} ({}){}", signal, strsignal(signal), core ? ", core dumped" : "");
}

int parse_death(std::string_view text) {
    if (text.starts_with("SIG")) {
        for (int number = 1; number < SIGRTMIN; ++number) {
            const char* name = sigabbrev_np(number);
            if (name != nullptr && text.substr(3) == name) return -number;
        }
        return 0;
    }
    int code = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
    return error == std::errc{} && end == text.data() + text.size() && code > 0 && code < 256 ? code : 0;
}

RestartPlan RestartPolicy::on_death(const Death& death, int64_t healthy_ns, double chance) {
    if (healthy_ns >= settings_.healthy_after_ns) failures_ = 0;
    ++failures_;
    const int kind = death.exit_code >= 0 ? death.exit_code : -death.signal;
    if (std::ranges::find(settings_.park, kind) != settings_.park.end()) return {settings_.probe_ns, true, failures_};
    return plan_for(settings_, failures_, chance);
}

bool RestartPolicy::restarts_at_once(int64_t healthy_ns) const {
    const auto failures = healthy_ns >= settings_.healthy_after_ns ? 1 : failures_ + 1;
    const auto plan = plan_for(settings_, failures, 1.0);
    return plan.delay_ns == 0 && !plan.parked;
}

std::vector<ScheduleRow> schedule_of(const RestartSettings& settings) {
    std::vector<ScheduleRow> rows;
    for (uint64_t failure = 1;; ++failure) {
        const auto earliest = plan_for(settings, failure, 0.0);
        const auto latest = plan_for(settings, failure, 1.0);
        rows.push_back({failure, earliest.delay_ns, latest.delay_ns, latest.parked});
        // A plan of a million rows is told by those until the delay stays the same, and the last.
        const bool settled = rows.size() > 2 && rows[rows.size() - 2].latest_ns == latest.delay_ns;
        if (latest.parked) return rows;
        if (settled && failure + 1 < static_cast<uint64_t>(settings.failures_max))
            failure = static_cast<uint64_t>(settings.failures_max) - 1;
    }
}

}  // namespace of::supervisor
