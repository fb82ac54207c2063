// Processors, clocks and control groups.
#include <fmt/format.h>

#include <set>

#include "supervisor/ofctl/doctor.hpp"

namespace of::ofctl {
namespace {

constexpr int64_t year_2024_s = 1'704'067'200;
/// Those that are read without a system call or a trip to a device.
const std::set<std::string> quick_clocks{"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"};

Finding governor(const Patient& patient) {
    std::set<std::string> governors;
    for (const auto& name : patient.files.list("/sys/devices/system/cpu")) {
        const auto governor = patient.files.text("/sys/devices/system/cpu/" + name + "/cpufreq/scaling_governor");
        if (!governor.empty()) governors.insert(governor);
    }
    if (governors.empty()) return well("the clock is not scaled here");
    if (governors == std::set<std::string>{"performance"}) return well("performance");
    return poor(*governors.begin() == "performance" ? *governors.rbegin() : *governors.begin(),
                "cpupower frequency-set -g performance");
}

Finding isolation(const Patient& patient) {
    const auto isolated = patient.files.text("/sys/devices/system/cpu/isolated");
    const auto tickless = patient.files.text("/sys/devices/system/cpu/nohz_full");
    const bool quiet = tickless.empty() || tickless == "(null)";
    if (!isolated.empty())
        return well(fmt::format("isolated {}, without tick {}", isolated, quiet ? "none" : tickless));
    if (patient.instance.wait != "spin") return well("no CPU is set apart; nothing spins");
    return poor("no CPU is set apart for workers that spin",
                "boot with isolcpus=2-3 nohz_full=2-3; [supervisor.binance] cpus = \"2\"");
}

Finding clock_source(const Patient& patient) {
    const auto source = patient.files.text("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    if (quick_clocks.contains(source)) return well(source);
    return poor(source.empty() ? "unknown" : fmt::format("{}: each look at the clock is slow", source),
                "boot with clocksource=tsc tsc=reliable");
}

Finding time_of_day(const Patient& patient) {
    if (patient.kernel.realtime_s < year_2024_s)
        return broken("the clock is years behind: no certificate is valid", "timedatectl set-ntp true");
    if (!patient.kernel.clock_synchronised) return poor("not synchronised", "timedatectl set-ntp true (or run chrony)");
    return well("synchronised");
}

Finding control_groups(const Patient& patient) {
    // In a hybrid hierarchy v2 lies one step deeper, and the controllers stay with v1.
    for (const std::string folder : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        if (!patient.files.exists(folder + "/cgroup.controllers")) continue;
        const auto controllers = " " + patient.files.text(folder + "/cgroup.controllers") + " ";
        std::string missing;
        for (const std::string wanted : {"cpu", "memory", "pids"})
            if (controllers.find(" " + wanted + " ") == std::string::npos) missing += " " + wanted;
        if (missing.empty()) return well("v2 with cpu, memory, pids");
        return poor(fmt::format("v2 without{}", missing), "boot with systemd.unified_cgroup_hierarchy=1");
    }
    return poor("no cgroup v2: limits of [supervisor.NAME] have no effect",
                "boot with systemd.unified_cgroup_hierarchy=1");
}

Finding own_groups(const Patient& patient) {
    if (patient.instance.workers.empty()) return well("no worker runs");
    size_t leaves = 0;
    for (const auto& worker : patient.instance.workers) {
        const auto text = "\n" + patient.files.text(fmt::format("/proc/{}/cgroup", worker.pid));
        const auto at = text.find("\n0::");
        const auto line = at == std::string::npos ? "" : text.substr(at + 1, text.find('\n', at + 1) - at - 1);
        leaves += line.ends_with("/" + worker.name);
    }
    const auto found = fmt::format("{} of {} workers have one of their own", leaves, patient.instance.workers.size());
    return leaves == patient.instance.workers.size()
               ? well(found)
               : poor(found, "Delegate=cpu memory pids, and [supervisor] cgroups = \"auto\"");
}

constexpr Check checks_of_machine[] = {
    {"governor", governor},       {"isolation", isolation},           {"clock source", clock_source},
    {"time of day", time_of_day}, {"control groups", control_groups}, {"worker groups", own_groups}};

}  // namespace

std::span<const Check> machine_checks() { return checks_of_machine; }

}  // namespace of::ofctl
