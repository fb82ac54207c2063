#include "supervisor/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proto/types.hpp"
#include "supervisor/pidfd_info.hpp"

namespace of::supervisor {
namespace {

/// What the child needs between clone and exec, laid out before: it may not allocate.
struct Birth {
    const SpawnSpec& spec;
    char** argv;
    char** environment;
    int errors;
    int null;
};

/// "PROGRAM: WHAT: why", as the child's last words.
[[noreturn]] void refuse(const SpawnSpec& spec, const char* what) {
    const char* reason = strerrordesc_np(errno);
    for (const char* part : {spec.path.c_str(), ": ", what, ": ", reason, "\n"}) {
        [[maybe_unused]] const auto bytes = write(STDERR_FILENO, part, strlen(part));
    }
    _exit(code(ExitCode::no_resources));
}

void restore_signals() {
    struct sigaction usual{};
    usual.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) sigaction(number, &usual, nullptr);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Shares the supervisor's memory until it executes: async-signal-safe calls only, and nothing of ours is written to.
int become(void* argument) {
    const auto& birth = *static_cast<Birth*>(argument);
    const auto& spec = birth.spec;
    restore_signals();
    setpgid(0, 0);  // Ctrl-C, or a signal to the supervisor's group, is the supervisor's alone to act on
    if (!spec.outlives_us) prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(birth.null, STDIN_FILENO);
    dup2(birth.errors, STDERR_FILENO);
    if (spec.joins_output) dup2(birth.errors, STDOUT_FILENO);
    if (spec.cgroup >= 0 && write(spec.cgroup, "0", 1) != 1) refuse(spec, "cgroup");
    if (const char* refused = take(spec.resources)) refuse(spec, refused);
    syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    for (const int descriptor : spec.inherited) fcntl(descriptor, F_SETFD, 0);
    if (spec.program >= 0) syscall(SYS_execveat, spec.program, "", birth.argv, birth.environment, AT_EMPTY_PATH);
    // A script's interpreter has to open it by name.
    if (spec.program < 0 || errno == ENOENT) execve(spec.path.c_str(), birth.argv, birth.environment);
    refuse(spec, "cannot be executed");
}

/// What systemd tells the supervisor is not for its children.
std::vector<char*> own_environment() {
    constexpr std::string_view not_passed_on[] = {"NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=", "FDSTORE="};
    std::vector<char*> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const auto is_this = [&](std::string_view name) { return std::string_view(*variable).starts_with(name); };
        if (std::ranges::none_of(not_passed_on, is_this)) variables.push_back(*variable);
    }
    variables.push_back(nullptr);
    return variables;
}

}  // namespace

Child& Child::operator=(Child&& other) noexcept {
    if (this == &other) return *this;
    forget();
    is_child_ = other.is_child_;
    pid_ = std::exchange(other.pid_, 0);
    pidfd_ = std::exchange(other.pidfd_, -1);
    errors_ = std::exchange(other.errors_, -1);
    return *this;
}

Expected<void> Child::spawn(const SpawnSpec& spec) {
    forget();
    auto environment = own_environment();
    std::vector<char*> argv{const_cast<char*>(spec.path.c_str())};
    for (const auto& argument : spec.argv) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    static const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    alignas(16) static std::array<char, 64 << 10> stack;  // no page of it that is not used is ever touched
    int pipe_ends[2];
    if (null < 0 || pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return fail(ErrorKind::failed, fmt::format("pipe for {}: {}", spec.path, std::strerror(errno)));
    Birth birth{spec, argv.data(), environment.data(), pipe_ends[1], null};
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);  // no handler of ours may run in the child
    // As posix_spawn does it: the page tables are not copied, whatever the supervisor has mapped.
    const pid_t pid =
        clone(become, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &birth, &pidfd_);
    const int error = errno;
    sigprocmask(SIG_SETMASK, &before, nullptr);
    close(pipe_ends[1]);
    errors_ = pipe_ends[0];
    if (pid < 0) {
        forget();
        return fail(ErrorKind::failed, fmt::format("clone for {}: {}", spec.path, std::strerror(error)));
    }
    pid_ = pid;
    is_child_ = true;
    return {};
}

void Child::adopt(pid_t pid, int pidfd, int errors, bool is_child) {
    forget();
    is_child_ = is_child;
    pid_ = pid;
    pidfd_ = pidfd;
    errors_ = errors;
}

bool Child::ended() const {
    pollfd end{.fd = pidfd_, .events = POLLIN, .revents = 0};
    return poll(&end, 1, 0) == 1;
}

Death Child::reap() {
    signal_group(SIGKILL);
    const auto death = is_child_ ? wait_for_status() : exit_status_of(pidfd_, pid_);
    forget();
    return death;
}

Death Child::wait_for_status() const {
    siginfo_t info{};
    // One that is traced may be waited for only when its tracer has seen the end: that takes a while, and signals come.
    int result = 0;
    do result = waitid(P_PIDFD, static_cast<id_t>(pidfd_), &info, WEXITED);
    while (result != 0 && errno == EINTR);
    if (result != 0) return unknown_death;
    const bool exited = info.si_code == CLD_EXITED;
    return {.exit_code = exited ? info.si_status : -1,
            .signal = exited ? 0 : info.si_status,
            .core = info.si_code == CLD_DUMPED};
}

std::optional<int> Child::peek() const {
    siginfo_t info{};
    const bool seen = waitid(P_PIDFD, static_cast<id_t>(pidfd_), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
    if (!seen || info.si_pid == 0 || info.si_code != CLD_EXITED) return std::nullopt;
    return info.si_status;
}

void Child::signal(int number) const {
    if (pidfd_ >= 0) syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0);
}

/// A group outlives its leader. Until a child is reaped, its number is still its group's and nobody else's; of
/// another's child only the pidfd says as much.
void Child::signal_group(int number) const {
    if (!runs()) return;
    if (is_child_)
        kill(-pid_, number);
    else
        syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, signal_process_group);
}

void Child::forget() {
    if (pidfd_ >= 0) close(pidfd_);
    if (errors_ >= 0) close(errors_);
    pid_ = 0;
    pidfd_ = errors_ = -1;
}

}  // namespace of::supervisor
