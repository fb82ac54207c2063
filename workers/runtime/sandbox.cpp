#include "workers/runtime/sandbox.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "workers/runtime/landlock.hpp"
#include "workers/runtime/privileges.hpp"
#include "workers/runtime/seccomp_filter.hpp"

namespace of {
namespace {

/// Memory that comes later is locked as well, against a limit that nobody had to respect so far. Without the right to
/// raise it, it stays as it is.
void lift_lock_limit() {
    constexpr rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

void note(std::string& list, std::string_view entry) { list += fmt::format("{}{}", list.empty() ? "" : ", ", entry); }

void enter_landlock(const SandboxRules& rules, SandboxReport& report) {
    const auto abi = restrict_by_landlock(rules);
    if (!abi) return note(report.missing, abi.error().message);
    note(report.in_force, fmt::format("Landlock ABI {}", *abi));
}

void enter_filter(const SandboxRules& rules, bool audit, SandboxReport& report) {
    if (!filter_is_built()) return note(report.missing, "a build with sanitizers has no seccomp filter");
    const auto installed = install_filter(rules, audit);
    if (!installed) return note(report.missing, installed.error().message);
    note(report.in_force,
         fmt::format("seccomp {} {} calls", audit ? "audits all but" : "allows", calls_of(rules).size()));
}

}  // namespace

std::optional<SandboxMode> parse_sandbox_mode(std::string_view text) {
    if (text == "enforce") return SandboxMode::enforce;
    if (text == "audit") return SandboxMode::audit;
    if (text == "off") return SandboxMode::off;
    return {};
}

bool SandboxRules::has(CallGroup group) const { return std::ranges::find(calls, group) != calls.end(); }

SandboxReport enter_sandbox(const SandboxRules& rules, SandboxMode mode, bool keeps_memory_locked) {
    SandboxReport report;
    if (mode == SandboxMode::off) {
        report.missing = "it is off by configuration";
        return report;
    }
    if (keeps_memory_locked) lift_lock_limit();
    const auto dropped = drop_privileges();
    dropped ? note(report.in_force, "no capabilities") : note(report.missing, dropped.error().message);
    if (mode == SandboxMode::enforce) enter_landlock(rules, report);
    enter_filter(rules, mode == SandboxMode::audit, report);
    if (mode == SandboxMode::audit) note(report.missing, "audit mode: calls are logged, files and ports are free");
    return report;
}

}  // namespace of
