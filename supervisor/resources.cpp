#include "supervisor/resources.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>

namespace of::supervisor {
namespace {

bool limit(__rlimit_resource kind, int64_t value) {
    rlimit now{};
    if (getrlimit(kind, &now) != 0) return false;
    const auto wanted = static_cast<rlim_t>(value);
    const rlimit next{wanted, wanted > now.rlim_max ? wanted : now.rlim_max};
    return setrlimit(kind, &next) == 0;
}

bool write_oom_score(int score) {
    char digits[8];
    const auto end = std::to_chars(digits, digits + sizeof digits, score).ptr;
    const int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    const bool written = file >= 0 && write(file, digits, static_cast<size_t>(end - digits)) > 0;
    if (file >= 0) close(file);
    return written;
}

bool bind_to(const std::vector<int>& cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : cpus) CPU_SET(static_cast<size_t>(cpu), &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

bool run_in_real_time(int priority) {
    const sched_param parameter{.sched_priority = priority};
    return sched_setscheduler(0, SCHED_FIFO, &parameter) == 0;
}

bool parse_number(std::string_view text, int& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() && number >= 0 && number < CPU_SETSIZE;
}

}  // namespace

std::optional<std::vector<int>> parse_cpus(std::string_view text) {
    std::vector<int> cpus;
    while (!text.empty()) {
        const auto part = text.substr(0, text.find(','));
        const auto dash = part.find('-');
        int first = 0;
        int last = 0;
        if (!parse_number(part.substr(0, dash), first)) return {};
        last = first;
        if (dash != std::string_view::npos && !parse_number(part.substr(dash + 1), last)) return {};
        if (last < first) return {};
        for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
        if (part.size() + 1 == text.size()) return {};  // a comma at the end
        text.remove_prefix(std::min(text.size(), part.size() + 1));
    }
    return cpus;
}

Expected<void> check_open_files() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= static_cast<rlim_t>(open_files_min)) return {};
    return fail(ErrorKind::no_space, fmt::format("{} file descriptors are allowed, at least {} are needed: raise "
                                                 "LimitNOFILE (ulimit -n)",
                                                 limit.rlim_cur, open_files_min));
}

const char* take(const Resources& resources) {
    if (resources.open_files > 0 && !limit(RLIMIT_NOFILE, resources.open_files)) return "open_files";
    if (resources.core_bytes >= 0 && !limit(RLIMIT_CORE, resources.core_bytes)) return "core_mb";
    if (resources.locked_bytes > 0 && !limit(RLIMIT_MEMLOCK, resources.locked_bytes)) return "locked_mb";
    if (!resources.cpus.empty() && !bind_to(resources.cpus)) return "cpus";
    if (resources.nice != 0 && setpriority(PRIO_PROCESS, 0, resources.nice) != 0) return "nice";
    if (resources.realtime_priority > 0 && !run_in_real_time(resources.realtime_priority)) return "realtime_priority";
    if (resources.oom_score_adjust != 0 && !write_oom_score(resources.oom_score_adjust)) return "oom_score_adjust";
    return nullptr;
}

}  // namespace of::supervisor
