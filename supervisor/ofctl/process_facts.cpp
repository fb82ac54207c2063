#include "supervisor/ofctl/process_facts.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "supervisor/ofctl/host_files.hpp"

namespace of::ofctl {
namespace {

/// "Name:  value" lines.
std::map<std::string, std::string> fields_of(const std::string& path) {
    std::map<std::string, std::string> fields;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const auto colon = line.find(':');
        if (colon == std::string::npos) continue;
        fields[line.substr(0, colon)] = line.substr(std::min(line.find_first_not_of(" \t", colon + 1), line.size()));
    }
    return fields;
}

/// The fields of /proc/PID/stat behind the name in parentheses: [0] is the state, field 3.
std::vector<std::string> stat_of(const std::string& path) {
    const auto text = HostFiles().text(path);
    const auto end = text.rfind(')');
    std::istringstream words(end == std::string::npos ? "" : text.substr(end + 1));
    std::vector<std::string> fields;
    for (std::string word; words >> word;) fields.push_back(word);
    return fields;
}

/// The soft limit of a line of /proc/PID/limits: the first word behind the name's column.
std::string soft_limit(const std::string& path, std::string_view name) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(name)) continue;
        std::istringstream words(line.substr(name.size()));
        std::string limit;
        words >> limit;
        return limit;
    }
    return "";
}

std::string scheduler_name(const std::string& policy, const std::string& priority) {
    if (policy == "1") return "fifo " + priority;
    if (policy == "2") return "rr " + priority;
    if (policy == "3") return "batch";
    if (policy == "5") return "idle";
    return policy == "0" ? "other" : "policy " + policy;
}

template <typename Number>
Number number_in(const std::string& text) {
    Number number{};
    std::istringstream(text) >> number;
    return number;
}

std::string cgroup_of(const std::string& path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("0::")) return line.substr(3);
    return "";
}

}  // namespace

std::optional<ProcessFacts> process_facts(const std::string& folder) {
    // Counted from the state: nice is field 19, the realtime priority 40, the policy 41.
    constexpr size_t nice = 19 - 3, priority = 40 - 3, policy = 41 - 3;
    constexpr std::string_view outlives("\0--outlives\0", 12);
    const auto stat = stat_of(folder + "/stat");
    if (stat.size() <= policy) return {};
    auto status = fields_of(folder + "/status");
    const auto limits = folder + "/limits";
    const auto command_line = HostFiles().text(folder + "/cmdline");
    return ProcessFacts{.rss_bytes = number_in<uint64_t>(status["VmRSS"]) << 10,
                        .cpu_ns = number_in<int64_t>(HostFiles().text(folder + "/schedstat")),
                        .nice = number_in<int>(stat[nice]),
                        .scheduler = scheduler_name(stat[policy], stat[priority]),
                        .cpus = status["Cpus_allowed_list"],
                        .oom_score_adjust = number_in<int>(HostFiles().text(folder + "/oom_score_adj")),
                        .open_files = soft_limit(limits, "Max open files"),
                        .core_bytes = soft_limit(limits, "Max core file size"),
                        .locked_bytes = soft_limit(limits, "Max locked memory"),
                        .cgroup = cgroup_of(folder + "/cgroup"),
                        .uid = number_in<uint32_t>(status["Uid"]),
                        .seccomp = number_in<int>(status["Seccomp"]),
                        .no_new_privs = status["NoNewPrivs"] == "1",
                        .capabilities = std::strtoull(status["CapEff"].c_str(), nullptr, 16),
                        .outlives_supervisor = command_line.find(outlives) != std::string::npos};
}

}  // namespace of::ofctl
