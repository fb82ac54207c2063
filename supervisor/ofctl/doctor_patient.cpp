// What doctor's checks look at, as it is on this machine. Every call here asks; none changes anything.
#include <fmt/format.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "supervisor/ofctl/attach.hpp"
#include "supervisor/ofctl/doctor.hpp"
#include "supervisor/ofctl/leftovers.hpp"
#include "supervisor/ofctl/process_facts.hpp"

namespace of::ofctl {
namespace {

constexpr long futex_waitv_number = 449;       // the same on every architecture
constexpr long landlock_ruleset_number = 444;  // likewise
constexpr unsigned landlock_ask_version = 1;

bool has_pidfd() {
    const auto descriptor = syscall(SYS_pidfd_open, getpid(), 0);
    if (descriptor < 0) return false;
    close(static_cast<int>(descriptor));
    return true;
}

uint64_t hard_limit(__rlimit_resource kind) {
    rlimit limit{};
    getrlimit(kind, &limit);
    return limit.rlim_max == RLIM_INFINITY ? ~uint64_t{0} : limit.rlim_max;
}

KernelFacts kernel_facts() {
    utsname name{};
    uname(&name);
    // A call that the kernel has finds its arguments wrong; one that it does not have is missing.
    const bool futex = syscall(futex_waitv_number, nullptr, 0, 0, nullptr, 0) < 0 && errno != ENOSYS;
    const uint32_t kill_process = SECCOMP_RET_KILL_PROCESS;
    timex clock{};
    const bool synchronised = adjtimex(&clock) != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
    const auto abi = syscall(landlock_ruleset_number, nullptr, 0, landlock_ask_version);
    const auto barriers = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    return {.release = name.release,
            .pidfd = has_pidfd(),
            .futex_waitv = futex,
            .membarrier = barriers > 0 && (barriers & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0,
            .seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kill_process) == 0,
            .landlock_abi = abi > 0 ? static_cast<int>(abi) : 0,
            .open_files_max = hard_limit(RLIMIT_NOFILE),
            .locked_bytes_max = hard_limit(RLIMIT_MEMLOCK),
            .core_bytes_max = hard_limit(RLIMIT_CORE),
            .realtime_s = time(nullptr),
            .clock_synchronised = synchronised};
}

FolderFacts folder_facts(const std::string& path) {
    FolderFacts facts{.path = path};
    struct stat status{};
    struct statvfs space{};
    facts.exists = !path.empty() && stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    if (!facts.exists) return facts;
    facts.mode = status.st_mode;
    facts.uid = status.st_uid;
    if (statvfs(path.c_str(), &space) != 0) return facts;
    facts.bytes_free = uint64_t{space.f_bavail} * space.f_frsize;
    facts.bytes = uint64_t{space.f_blocks} * space.f_frsize;
    return facts;
}

/// The word behind `option` on a process's command line.
std::string argument_of(const HostFiles& files, uint64_t pid, const std::string& option) {
    const auto line = files.text(fmt::format("/proc/{}/cmdline", pid));
    const auto at = line.find('\0' + option + '\0');
    return at == std::string::npos ? "" : std::string(line.c_str() + at + option.size() + 2);
}

std::vector<std::string> segments_of_others(const std::string& instance) {
    std::vector<std::string> open;
    for (const auto& name : shm::list_segments(instance)) {
        struct stat status{};
        if (stat(("/dev/shm/" + name).c_str(), &status) == 0 && (status.st_mode & 077) != 0) open.push_back(name);
    }
    return open;
}

void add_workers(const View& view, const HostFiles& files, InstanceFacts& instance) {
    for (const auto& process : view.workers()) {
        if (!process.alive) continue;
        const auto pid = process.slot->desk.pid.load(std::memory_order_relaxed);
        const auto facts = process_facts(fmt::format("/proc/{}", pid));
        if (!facts) continue;
        instance.owner = facts->uid;
        instance.workers.push_back({process.name, pid, facts->seccomp, facts->no_new_privs, facts->capabilities});
        instance.outlives |= facts->outlives_supervisor;
        instance.wait = argument_of(files, pid, "--wait");
        instance.data = folder_facts(argument_of(files, pid, "--data-dir"));
        instance.log = folder_facts(argument_of(files, pid, "--log-dir"));
    }
}

InstanceFacts instance_facts(const std::string& name, const HostFiles& files) {
    InstanceFacts instance{.name = name, .owner = geteuid()};
    for (const auto& found : find_instances("")) {
        if (found.lives) continue;
        instance.stale_segments += found.segments.size();
        instance.stale_bytes += found.bytes();
    }
    if (name.empty()) return instance;  // several, and nobody has chosen one
    instance.open_segments = segments_of_others(name);
    const auto view = View::open({.instance = name});
    if (!view) return instance;
    instance.runs = view->supervisor_alive();
    instance.supervisor_pid = view->control().instance.supervisor_pid.load(std::memory_order_relaxed);
    instance.clock_steps = view->control().instance.clock_steps.load(std::memory_order_relaxed);
    instance.state = folder_facts(std::string(shm::text_of(view->control().instance.state_dir)));
    add_workers(*view, files, instance);
    return instance;
}

}  // namespace

Patient examine(const std::string& instance) {
    const HostFiles files;
    return {.files = files,
            .kernel = kernel_facts(),
            .shm = folder_facts("/dev/shm"),
            .instance = instance_facts(instance, files)};
}

}  // namespace of::ofctl
