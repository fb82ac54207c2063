#include "supervisor/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace of::supervisor {
namespace {

/// Between fork and execve: only async-signal-safe calls.
[[noreturn]] void become(char* const* argv, int errors) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    setpgid(0, 0);  // Ctrl-C, or a signal to the supervisor's group, is the supervisor's alone to act on
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(errors, STDERR_FILENO);
    execv(argv[0], argv);
    const char* reason = strerrordesc_np(errno);
    [[maybe_unused]] auto bytes = write(STDERR_FILENO, reason, strlen(reason));
    _exit(127);
}

}  // namespace

std::string Death::describe() const {
    if (exit_code >= 0) return fmt::format("exit code {}", exit_code);
    return fmt::format("signal {} ({}){}", signal, strsignal(signal), core ? ", core dumped" : "");
}

Expected<void> Child::spawn(const std::vector<std::string>& argv) {
    forget();
    std::vector<char*> pointers;
    for (const auto& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
    pointers.push_back(nullptr);
    int pipe_ends[2];
    if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return fail(ErrorKind::failed, fmt::format("pipe for {}: {}", argv[0], std::strerror(errno)));
    const pid_t pid = fork();
    if (pid == 0) become(pointers.data(), pipe_ends[1]);
    const int error = errno;
    close(pipe_ends[1]);
    errors_ = pipe_ends[0];
    if (pid < 0) return fail(ErrorKind::failed, fmt::format("fork for {}: {}", argv[0], std::strerror(error)));
    // The child cannot be reaped before reap(), so its pid is surely its own here.
    pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (pidfd_ < 0) return fail(ErrorKind::failed, fmt::format("pidfd of {}: {}", argv[0], std::strerror(errno)));
    pid_ = pid;
    return {};
}

Death Child::reap() {
    siginfo_t info{};
    Death death;
    if (waitid(P_PIDFD, static_cast<id_t>(pidfd_), &info, WEXITED) == 0) {
        const bool exited = info.si_code == CLD_EXITED;
        death.exit_code = exited ? info.si_status : -1;
        death.signal = exited ? 0 : info.si_status;
        death.core = info.si_code == CLD_DUMPED;
    }
    forget();
    return death;
}

void Child::signal(int number) const {
    if (pidfd_ >= 0) syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0);
}

void Child::forget() {
    if (pidfd_ >= 0) close(pidfd_);
    if (errors_ >= 0) close(errors_);
    pid_ = 0;
    pidfd_ = errors_ = -1;
}

}  // namespace of::supervisor
