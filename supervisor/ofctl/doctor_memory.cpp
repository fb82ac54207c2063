// Memory, descriptors and what is left of a process that dies.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "supervisor/ofctl/doctor.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

constexpr uint64_t unlimited = ~uint64_t{0};
constexpr uint64_t default_need_bytes = 96 << 20;  ///< of one instance's segments, with the rings' default sizes
constexpr uint64_t open_files_wanted = 4'096;      ///< two for each of 1,000 clients, and as many for those that come
constexpr uint64_t locked_bytes_wanted = 256 << 20;
constexpr uint64_t file_max_wanted = 65'536;
constexpr uint64_t file_max_endless = uint64_t{1} << 40;

Finding shm_size(const Patient& patient) {
    const auto& shm = patient.shm;
    if (!shm.exists) return broken("/dev/shm is missing", "mount -t tmpfs tmpfs /dev/shm");
    const auto found = fmt::format("{} of {} free", bytes_text(shm.bytes_free), bytes_text(shm.bytes));
    if (patient.instance.runs || shm.bytes_free >= default_need_bytes) return well(found);
    return broken(fmt::format("{}, an instance takes {}", found, bytes_text(default_need_bytes)),
                  "mount -o remount,size=256M /dev/shm (docker: --shm-size 256m)");
}

Finding locked_memory(const Patient& patient) {
    const auto most = patient.kernel.locked_bytes_max;
    if (most == unlimited) return well("no limit");
    if (most >= locked_bytes_wanted) return well(fmt::format("up to {}", bytes_text(most)));
    return poor(fmt::format("at most {}: lock_memory would be refused", bytes_text(most)),
                "LimitMEMLOCK=infinity (ulimit -l unlimited)");
}

Finding open_files(const Patient& patient) {
    const auto most = patient.kernel.open_files_max;
    if (most >= open_files_wanted) return well(fmt::format("up to {} a process", most));
    return poor(fmt::format("at most {}: too few for 1000 clients", most), "LimitNOFILE=65536 (ulimit -n 65536)");
}

Finding all_files(const Patient& patient) {
    std::istringstream words(patient.files.text("/proc/sys/fs/file-nr"));
    int64_t used = 0, spare = 0;
    uint64_t most = 0;
    if (!(words >> used >> spare >> most))
        return poor("/proc/sys/fs/file-nr cannot be read", "mount -t proc proc /proc");
    if (most > file_max_endless) return well(fmt::format("{} open on this host, no limit", used));
    const auto found = fmt::format("{} of {} open on this host", used, count_text(most));
    const bool scarce = most < file_max_wanted || static_cast<uint64_t>(used) > most - most / 5;
    return scarce ? poor(found, "sysctl -w fs.file-max=1000000") : well(found);
}

Finding core_limit(const Patient& patient) {
    const auto most = patient.kernel.core_bytes_max;
    if (most == unlimited) return well("no limit");
    if (most > 0) return well(fmt::format("up to {}", bytes_text(most)));
    return poor("0: no core of a worker that dies", "LimitCORE=infinity (ulimit -c unlimited)");
}

Finding core_pattern(const Patient& patient) {
    const auto pattern = patient.files.text("/proc/sys/kernel/core_pattern");
    if (pattern.starts_with('|'))
        return well(fmt::format("cores go to {:.40}", pattern.substr(1, pattern.find(' ') - 1)));
    if (pattern.starts_with('/')) return well(fmt::format("cores go to {:.40}", pattern));
    return poor(
        pattern.empty() ? "no cores are kept" : fmt::format("\"{:.20}\": cores go to where it was started", pattern),
        "sysctl -w kernel.core_pattern=/var/tmp/core.%e.%p");
}

Finding huge_pages(const Patient& patient) {
    const auto text = patient.files.text("/sys/kernel/mm/transparent_hugepage/enabled");
    if (text.empty()) return well("this kernel has none");
    const auto open = text.find('['), close = text.find(']');
    const auto chosen = open < close && close != std::string::npos ? text.substr(open + 1, close - open - 1) : text;
    if (chosen != "always") return well(chosen);
    return poor("always: memory is moved about behind our back",
                "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
}

Finding overcommit(const Patient& patient) {
    const auto mode = patient.files.number("/proc/sys/vm/overcommit_memory").value_or(0);
    if (mode != 2) return well(fmt::format("mode {}", mode));
    return poor("mode 2: a large mapping may be refused", "sysctl -w vm.overcommit_memory=0");
}

Finding swap(const Patient& patient) {
    const auto lines = patient.files.text("/proc/swaps");
    const auto devices = std::ranges::count(lines, '\n');
    const auto swappiness = patient.files.number("/proc/sys/vm/swappiness").value_or(0);
    if (devices == 0) return well("none");
    const auto found = fmt::format("{} device{}, swappiness {}", devices, devices == 1 ? "" : "s", swappiness);
    return swappiness <= 10 ? well(found) : poor(found, "sysctl -w vm.swappiness=1, or lock_memory = true");
}

Finding pressure(const Patient& patient) {
    return patient.files.exists("/proc/pressure/memory") ? well("pressure figures are there")
                                                         : poor("no pressure figures (PSI)", "boot with psi=1");
}

constexpr Check checks_of_memory[] = {
    {"/dev/shm", shm_size},     {"locked memory", locked_memory}, {"open files", open_files},
    {"all files", all_files},   {"core size", core_limit},        {"core pattern", core_pattern},
    {"huge pages", huge_pages}, {"overcommit", overcommit},       {"swap", swap},
    {"pressure", pressure}};

}  // namespace

std::span<const Check> memory_checks() { return checks_of_memory; }

}  // namespace of::ofctl
