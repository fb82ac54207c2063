#include "supervisor/restart_policy.hpp"

#include <algorithm>

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

}  // namespace

RestartPlan RestartPolicy::on_death(int64_t healthy_ns, double chance) {
    if (healthy_ns >= settings_.healthy_after_ns) failures_ = 0;
    ++failures_;
    if (failures_ >= static_cast<uint64_t>(settings_.failures_max)) return {settings_.probe_ns, true, failures_};
    if (failures_ == 1) return {settings_.first_delay_ns, false, failures_};
    return {jittered(backed_off(settings_, failures_), settings_.jitter_percent, chance), false, failures_};
}

}  // namespace of::supervisor
