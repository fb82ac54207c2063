#include "supervisor/autopsy/host_facts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>

#include "supervisor/autopsy/bundle.hpp"

namespace of::autopsy {
namespace {

constexpr size_t excerpt_bytes_max = 2048;
/// Between the clock of the kernel's log and CLOCK_MONOTONIC.
constexpr int64_t clocks_apart_us = 100'000;

int64_t count_in(const std::string& path, std::string_view wanted) {
    std::ifstream file(path);
    std::string key;
    for (int64_t value = 0; file >> key >> value;)
        if (key == wanted) return value;
    return 0;
}

std::string excerpt(const std::string& path) {
    const auto text = read_text(path);
    return fmt::format("== {}\n{}\n", path, text.empty() ? "not to be had\n" : text.substr(0, excerpt_bytes_max));
}

std::string room_in(const char* path) {
    struct statvfs room {};
    if (statvfs(path, &room) != 0) return "";
    return fmt::format("== {}\n{} of {} MiB free\n\n", path, room.f_bavail * room.f_frsize >> 20,
                       room.f_blocks * room.f_frsize >> 20);
}

/// Its time of a record "6,1234,98765432,-;text", in us since the boot; 0 for none.
int64_t time_of_record(std::string_view record) {
    for (int comma = 0; comma < 2; ++comma) record.remove_prefix(std::min(record.size(), record.find(',') + 1));
    int64_t time_us = 0;
    std::from_chars(record.data(), record.data() + record.size(), time_us);
    return time_us;
}

/// The kernel's own words, where this user may read them. A pid may have been another's before.
bool kernel_log_names(int64_t pid, int64_t since_us) {
    const auto words = fmt::format("Killed process {} ", pid);
    const int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    char record[8192];
    bool found = false;
    while (log >= 0 && !found) {
        const auto bytes = read(log, record, sizeof record);
        if (bytes < 0 && errno == EPIPE) continue;  // overwritten while we read
        if (bytes <= 0) break;
        const std::string_view text(record, static_cast<size_t>(bytes));
        found = text.find(words) != std::string_view::npos && time_of_record(text) >= since_us;
    }
    if (log >= 0) close(log);
    return found;
}

}  // namespace

std::string pressure_text(const std::string& cgroup) {
    std::string text;
    for (const auto* path :
         {"/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io", "/proc/loadavg", "/proc/meminfo"})
        text += excerpt(path);
    text += room_in("/dev/shm");
    for (const auto* name : {"memory.events", "memory.current", "memory.max", "memory.peak", "memory.pressure",
                             "cpu.pressure", "cpu.stat", "pids.current", "pids.events"})
        if (!cgroup.empty()) text += excerpt(cgroup + "/" + name);
    return text;
}

int64_t host_oom_kills() { return count_in("/proc/vmstat", "oom_kill"); }

std::string oom_evidence(const Facts& facts) {
    const std::string cgroup(facts.get("cgroup"));
    const auto in_cgroup = cgroup.empty() ? 0 : count_in(cgroup + "/memory.events", "oom_kill");
    const auto on_host = host_oom_kills();
    if (in_cgroup > facts.number("cgroup_oom_kills_before"))
        return fmt::format("its cgroup has counted {} OOM kills", in_cgroup);
    if (kernel_log_names(facts.number("pid"), facts.number("spawned_mono_ns") / 1000 - clocks_apart_us))
        return "the kernel's log names it";
    if (on_host > facts.number("host_oom_kills_before"))
        return fmt::format("likely: the host counted {} OOM kills before, and {} after",
                           facts.number("host_oom_kills_before"), on_host);
    return "";
}

}  // namespace of::autopsy
