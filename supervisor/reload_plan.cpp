#include "supervisor/reload_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace of::supervisor {
namespace {

/// Segments, folders and doorbells are made once for the life of an instance.
bool is_fixed(std::string_view section) { return section == "instance" || section == "rings"; }

/// Sections that every worker is given on its command line.
bool is_everybodys(std::string_view section) { return section == "trace" || section == "breaker"; }

bool differ(const Resources& a, const Resources& b) {
    return a.cpus != b.cpus || a.nice != b.nice || a.realtime_priority != b.realtime_priority ||
           a.oom_score_adjust != b.oom_score_adjust || a.open_files != b.open_files || a.core_bytes != b.core_bytes ||
           a.locked_bytes != b.locked_bytes || a.lock_memory != b.lock_memory;
}

}  // namespace

bool ReloadPlan::restarts_kind(ProcessKind kind) const { return std::ranges::find(restarts, kind) != restarts.end(); }

ReloadPlan plan_reload(const std::vector<std::string>& changed, const Config& before, const Config& after) {
    ReloadPlan plan;
    bool all = before.wait != after.wait;
    for (const auto& section : changed) {
        if (plan.fixed.empty() && is_fixed(section)) plan.fixed = section;
        plan.at_once = plan.at_once || section.starts_with("supervisor") || section == "postmortem";
        all = all || is_everybodys(section);
    }
    if (plan.fixed.empty() && before.keep_orphans != after.keep_orphans) plan.fixed = "supervisor.orphans";
    for (const auto& [kind, worker] : after.workers) {
        const auto own = [name = name_of(kind)](const std::string& section) {
            return section == name || section.starts_with(fmt::format("{}.", name));
        };
        const auto& old = before.workers.at(kind);
        const bool moved = differ(old.resources, worker.resources) || old.sandbox != worker.sandbox;
        if (all || moved || std::ranges::any_of(changed, own))
            plan.restarts.push_back(kind);
    }
    return plan;
}

}  // namespace of::supervisor
