#include "supervisor/pidfd_info.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>

#include "shm/segment.hpp"

namespace of::supervisor {
namespace {

/// struct pidfd_info of linux/pidfd.h, in its first size.
struct PidfdInfo {
    uint64_t mask;
    uint64_t cgroup_id;
    uint32_t ids[11];  // pid, tgid, ppid, and the user and group ids
    int32_t exit_status;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr unsigned long get_info = _IOWR(0xff, 11, PidfdInfo);
constexpr uint64_t info_exit = 8;

constexpr int tries_max = 20;
constexpr int try_again_ms = 1;

std::optional<int> status_of_reaped(int pidfd) {
    PidfdInfo info{.mask = info_exit, .cgroup_id = 0, .ids = {}, .exit_status = 0};
    if (ioctl(pidfd, get_info, &info) != 0 || (info.mask & info_exit) == 0) return {};
    return info.exit_status;
}

/// Field 52 of /proc/pid/stat, of a zombie.
std::optional<int> status_of_zombie(pid_t pid) {
    constexpr int fields_between = 48;  // the state is field 3
    std::string line;
    std::getline(std::ifstream(fmt::format("/proc/{}/stat", pid)), line);
    const auto name_end = line.rfind(')');
    if (name_end == std::string::npos) return {};
    std::istringstream words(line.substr(name_end + 1));
    std::string word;
    int status = 0;
    if (!(words >> word) || word != "Z") return {};
    for (int i = 0; i < fields_between; ++i) words >> word;
    return words >> status ? std::optional(status) : std::nullopt;
}

/// As long as that can be sent a signal, its number is nobody else's.
bool not_yet_reaped(int pidfd) { return syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0) == 0; }

Death death_of(int status) {
    if (WIFEXITED(status)) return {.exit_code = WEXITSTATUS(status)};
    return {.exit_code = -1, .signal = WTERMSIG(status), .core = WCOREDUMP(status) != 0};
}

}  // namespace

Death exit_status_of(int pidfd, pid_t pid) {
    for (int attempt = 0; attempt < tries_max; ++attempt) {
        auto status = status_of_zombie(pid);
        const bool reaped = !not_yet_reaped(pidfd);
        if (reaped) status = status_of_reaped(pidfd);
        if (status) return death_of(*status);
        if (reaped) break;
        poll(nullptr, 0, try_again_ms);
    }
    return unknown_death;
}

int open_pidfd(uint64_t pid, uint64_t start_time) {
    const auto pidfd = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));
    // Looked at with the pidfd in hand: the pid cannot have passed to another process unseen.
    if (pidfd < 0 || shm::process_start(pid) == start_time) return pidfd;
    close(pidfd);
    return -1;
}

}  // namespace of::supervisor
