// The instance: its folders, its segments, its workers' sandbox, its port and its watchdog.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "supervisor/ofctl/doctor.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

constexpr uint64_t space_wanted = uint64_t{1} << 30;
constexpr uint64_t space_least = 64 << 20;
constexpr unsigned port_default = 8080;

Finding permissions(const InstanceFacts& instance, const FolderFacts& folder) {
    if (folder.path.empty()) return well("no instance runs");
    if (!folder.exists)
        return broken(fmt::format("{:.44} is missing", folder.path), fmt::format("install -d -m 700 {}", folder.path));
    if (folder.uid != instance.owner && instance.owner != 0)
        return broken(fmt::format("owned by uid {}, workers are uid {}", folder.uid, instance.owner),
                      fmt::format("chown {} {}", instance.owner, folder.path));
    const auto found = fmt::format("mode {:04o}, uid {}", folder.mode & 07777, folder.uid);
    if ((folder.mode & 0700) != 0700) return broken(found, fmt::format("chmod 700 {}", folder.path));
    if ((folder.mode & 002) != 0)
        return broken(found + ": anyone may write there", fmt::format("chmod o-w {}", folder.path));
    return well(found);
}

Finding state_folder(const Patient& patient) { return permissions(patient.instance, patient.instance.state); }
Finding data_folder(const Patient& patient) { return permissions(patient.instance, patient.instance.data); }
Finding log_folder(const Patient& patient) { return permissions(patient.instance, patient.instance.log); }

Finding space(const FolderFacts& folder, const char* fix) {
    if (folder.path.empty()) return well("no instance runs");
    if (!folder.exists) return well("no folder");
    const auto found = fmt::format("{} of {} free", bytes_text(folder.bytes_free), bytes_text(folder.bytes));
    if (folder.bytes_free < space_least) return broken(found, fix);
    return folder.bytes_free < space_wanted ? poor(found, fix) : well(found);
}

Finding data_space(const Patient& patient) {
    return space(patient.instance.data, "[storage] retention_days, or a larger disk");
}
Finding log_space(const Patient& patient) {
    return space(patient.instance.log, "[logger] keep_files and rotate_bytes, or a larger disk");
}

Finding segments(const Patient& patient) {
    const auto& open = patient.instance.open_segments;
    if (open.empty()) return well("each is its owner's alone");
    return broken(fmt::format("{} may be opened by others, such as {:.24}", open.size(), open.front()),
                  fmt::format("chmod 600 /dev/shm/{}.*", patient.instance.name));
}

Finding leftovers(const Patient& patient) {
    const auto& instance = patient.instance;
    if (instance.stale_segments == 0) return well("no segments of dead instances");
    return poor(
        fmt::format("{} segments of dead instances, {}", instance.stale_segments, bytes_text(instance.stale_bytes)),
        "ofctl shm gc --yes");
}

Finding sandbox(const Patient& patient) {
    if (patient.instance.workers.empty()) return well("no worker runs");
    std::string free;
    for (const auto& worker : patient.instance.workers) {
        std::string lacks;
        if (worker.seccomp != 2) lacks += " no filter";
        if (!worker.no_new_privs) lacks += " new privileges";
        if (worker.capabilities != 0) lacks += " capabilities";
        if (!lacks.empty()) free += fmt::format("{}{}:{}", free.empty() ? "" : "; ", worker.name, lacks);
    }
    if (free.empty()) return well(fmt::format("all {} workers are in theirs", patient.instance.workers.size()));
    return poor(fmt::format("not whole: {:.47}", free),
                "[supervisor] sandbox = \"enforce\"; see ofctl logs --grep sandbox");
}

Finding watchdog(const Patient& patient) {
    if (!patient.instance.runs) return well("no supervisor runs");
    const auto variables = patient.files.text(fmt::format("/proc/{}/environ", patient.instance.supervisor_pid));
    const auto has = [&](const std::string& name) {
        return variables.starts_with(name) || variables.find('\0' + name) != std::string::npos;
    };
    if (variables.empty()) return well("the supervisor's environment is hidden from this user");
    if (has("WATCHDOG_USEC=")) return well("systemd watches the supervisor");
    if (!has("INVOCATION_ID=")) return well("not under systemd");
    return poor("systemd does not watch the supervisor", "WatchdogSec=10s (deploy/systemd has the unit)");
}

Finding orphans(const Patient& patient) {
    const auto& instance = patient.instance;
    if (instance.workers.empty()) return well("no worker runs");
    if (!instance.outlives) return well("workers end with their supervisor");
    if (instance.runs) return well("workers outlive their supervisor");
    return poor(fmt::format("{} workers wait for the next supervisor", instance.workers.size()),
                fmt::format("systemctl start orderflow@{}", instance.name));
}

/// Inodes of TCP sockets that listen, by port: "sl local_address rem_address st ... inode", in hexadecimal but for the
/// last; state 0A listens.
std::vector<std::pair<unsigned, std::string>> listeners(const HostFiles& files) {
    std::vector<std::pair<unsigned, std::string>> found;
    for (const auto* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::istringstream lines(files.text(table));
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::string slot, local, remote, state, skipped, inode;
            words >> slot >> local >> remote >> state;
            for (int i = 0; i < 5; ++i) words >> skipped;
            words >> inode;
            const auto colon = local.rfind(':');
            if (state == "0A" && colon != std::string::npos)
                found.emplace_back(static_cast<unsigned>(std::strtoul(local.c_str() + colon + 1, nullptr, 16)), inode);
        }
    }
    return found;
}

std::set<std::string> sockets_of(const HostFiles& files, uint64_t pid) {
    std::set<std::string> inodes;
    const auto folder = fmt::format("/proc/{}/fd", pid);
    for (const auto& name : files.list(folder)) {
        const auto target = files.link(folder + "/" + name);
        if (target.starts_with("socket:[")) inodes.insert(target.substr(8, target.size() - 9));
    }
    return inodes;
}

Finding port(const Patient& patient) {
    const auto listening = listeners(patient.files);
    const auto& workers = patient.instance.workers;
    const auto server = std::ranges::find(workers, "communication", &WorkerFacts::name);
    if (server == workers.end()) {
        const bool taken = std::ranges::any_of(listening, [](const auto& each) { return each.first == port_default; });
        return taken ? poor("8080, the default, is another's", "[communication] listen = \"127.0.0.1:8081\"")
                     : well("8080, the default, is free");
    }
    const auto own = sockets_of(patient.files, server->pid);
    for (const auto& [number, inode] : listening)
        if (own.contains(inode)) return well(fmt::format("communication listens on {}", number));
    return broken("communication listens on no port", "ofctl restart communication");
}

Finding clock_steps(const Patient& patient) {
    const auto steps = patient.instance.clock_steps;
    if (steps == 0) return well("the wall clock was not set");
    return poor(fmt::format("the wall clock was set {} times while it ran", steps),
                "ofctl logs | grep 'wall clock'; let NTP turn it, not set it");
}

constexpr Check checks_of_instance[] = {{"state folder", state_folder},
                                        {"data folder", data_folder},
                                        {"log folder", log_folder},
                                        {"data space", data_space},
                                        {"log space", log_space},
                                        {"segments", segments},
                                        {"leftovers", leftovers},
                                        {"sandbox", sandbox},
                                        {"watchdog", watchdog},
                                        {"orphans", orphans},
                                        {"clock steps", clock_steps},
                                        {"port", port}};

}  // namespace

std::span<const Check> instance_checks() { return checks_of_instance; }

}  // namespace of::ofctl
