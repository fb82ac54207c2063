#include "supervisor/mending.hpp"

#include <algorithm>
#include <set>

#include "supervisor/crew.hpp"

namespace of::supervisor {
namespace {

/// A market ring's messages name their symbols by an index into the book page: without that page they say nothing.
bool goes_with(const Channel& channel, const Channel& broken) {
    return broken.wire->kind == ChannelKind::book && channel.wire->kind == ChannelKind::market &&
           channel.writer == broken.writer;
}

}  // namespace

MendPlan plan_mending(std::span<const Channel> channels, std::span<const size_t> broken,
                      std::span<const ProcessId> processes) {
    std::set<size_t> remake;
    MendPlan plan;
    for (const auto number : broken) {
        plan.hopeless = plan.hopeless || channels[number].wire->kind == ChannelKind::control;
        remake.insert(number);
        for (size_t other = 0; other < channels.size(); ++other)
            if (goes_with(channels[other], channels[number])) remake.insert(other);
    }
    if (plan.hopeless) return plan;
    plan.remake.assign(remake.begin(), remake.end());
    const auto concerned = [&](ProcessId process) {
        return std::ranges::any_of(plan.remake, [&](size_t number) {
            const auto attached = attached_to(channels[number], processes);
            return std::ranges::find(attached, process) != attached.end();
        });
    };
    for (const auto kind : drain_order) {
        for (const auto process : processes)
            if (process.kind == kind && concerned(process)) plan.restart.push_back(process);
    }
    return plan;
}

}  // namespace of::supervisor
