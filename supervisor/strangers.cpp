#include "supervisor/strangers.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

namespace of::supervisor {
namespace {

/// For a process that is killed and cannot die yet, since it waits for a disk.
constexpr int last_patience_ms = 500;

/// All children of this process; those of the thread that calls, which is the one that starts workers and to which
/// orphans come.
std::vector<pid_t> children() {
    std::ifstream file(fmt::format("/proc/self/task/{}/children", gettid()));
    std::vector<pid_t> pids;
    for (pid_t pid = 0; file >> pid;) pids.push_back(pid);
    return pids;
}

}  // namespace

void adopt_strangers() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

std::vector<pid_t> end_strangers(std::span<const pid_t> known, int patience_ms) {
    std::vector<pid_t> ended;
    for (const auto pid : children()) {
        if (std::ranges::find(known, pid) != known.end()) continue;
        const auto pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
        if (pidfd < 0) continue;
        syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
        pollfd dead{.fd = pidfd, .events = POLLIN, .revents = 0};
        poll(&dead, 1, patience_ms);
        siginfo_t info{};
        if (waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0)
            ended.push_back(pid);
        close(pidfd);
    }
    return ended;
}

void end_all_strangers() {
    // The children of those who end come to us in turn.
    while (!end_strangers({}, last_patience_ms).empty()) continue;
}

}  // namespace of::supervisor
