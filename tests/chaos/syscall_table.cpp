#include "tests/chaos/syscall_table.hpp"

#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace of::chaos {
namespace {

struct Row {
    std::string_view name;
    long number;
};

#define OF_CALL(name) {#name, SYS_##name}
constexpr Row calls[] = {
    OF_CALL(accept),
    OF_CALL(accept4),
    OF_CALL(access),
    OF_CALL(arch_prctl),
    OF_CALL(bind),
    OF_CALL(brk),
    OF_CALL(clock_nanosleep),
    OF_CALL(clone),
    OF_CALL(clone3),
    OF_CALL(close),
    OF_CALL(close_range),
    OF_CALL(connect),
    OF_CALL(dup),
    OF_CALL(dup2),
    OF_CALL(dup3),
    OF_CALL(epoll_create1),
    OF_CALL(epoll_ctl),
    OF_CALL(epoll_pwait),
    OF_CALL(epoll_wait),
    OF_CALL(eventfd2),
    OF_CALL(execve),
    OF_CALL(execveat),
    OF_CALL(exit),
    OF_CALL(exit_group),
    OF_CALL(fallocate),
    OF_CALL(fchmod),
    OF_CALL(fchown),
    OF_CALL(fcntl),
    OF_CALL(fdatasync),
    OF_CALL(flock),
    OF_CALL(fstat),
    OF_CALL(fsync),
    OF_CALL(ftruncate),
    OF_CALL(futex),
    OF_CALL(getcwd),
    OF_CALL(getdents64),
    OF_CALL(geteuid),
    OF_CALL(getpeername),
    OF_CALL(getpid),
    OF_CALL(getppid),
    OF_CALL(getrandom),
    OF_CALL(getsockname),
    OF_CALL(getsockopt),
    OF_CALL(gettid),
    OF_CALL(getuid),
    OF_CALL(ioctl),
    OF_CALL(kill),
    OF_CALL(link),
    OF_CALL(listen),
    OF_CALL(lseek),
    OF_CALL(lstat),
    OF_CALL(madvise),
    OF_CALL(membarrier),
    OF_CALL(memfd_create),
    OF_CALL(mkdir),
    OF_CALL(mlockall),
    OF_CALL(mmap),
    OF_CALL(mprotect),
    OF_CALL(mremap),
    OF_CALL(munmap),
    OF_CALL(newfstatat),
    OF_CALL(open),
    OF_CALL(openat),
    OF_CALL(pidfd_open),
    OF_CALL(pidfd_send_signal),
    OF_CALL(pipe2),
    OF_CALL(poll),
    OF_CALL(ppoll),
    OF_CALL(prctl),
    OF_CALL(pread64),
    OF_CALL(prlimit64),
    OF_CALL(pwrite64),
    OF_CALL(read),
    OF_CALL(readlink),
    OF_CALL(readv),
    OF_CALL(recvfrom),
    OF_CALL(recvmsg),
    OF_CALL(rename),
    OF_CALL(rseq),
    OF_CALL(rt_sigaction),
    OF_CALL(rt_sigprocmask),
    OF_CALL(rt_sigreturn),
    OF_CALL(sched_yield),
    OF_CALL(seccomp),
    OF_CALL(sendmsg),
    OF_CALL(sendto),
    OF_CALL(set_robust_list),
    OF_CALL(set_tid_address),
    OF_CALL(setpgid),
    OF_CALL(setsockopt),
    OF_CALL(shutdown),
    OF_CALL(socket),
    OF_CALL(socketpair),
    OF_CALL(stat),
    OF_CALL(statx),
    OF_CALL(timerfd_create),
    OF_CALL(timerfd_settime),
    OF_CALL(uname),
    OF_CALL(unlink),
    OF_CALL(unlinkat),
    OF_CALL(wait4),
    OF_CALL(chmod),
    OF_CALL(futex_waitv),
    OF_CALL(sysinfo),
    OF_CALL(waitid),
    OF_CALL(write),
    OF_CALL(writev),
};
#undef OF_CALL

#define OF_ERROR(name) {#name, name}
constexpr Row errors[] = {
    OF_ERROR(EACCES), OF_ERROR(EAGAIN), OF_ERROR(ECONNABORTED), OF_ERROR(ECONNREFUSED), OF_ERROR(ECONNRESET),
    OF_ERROR(EINTR),  OF_ERROR(EIO),    OF_ERROR(EMFILE),       OF_ERROR(ENFILE),       OF_ERROR(ENOENT),
    OF_ERROR(ENOMEM), OF_ERROR(ENOSPC), OF_ERROR(EPERM),        OF_ERROR(EPIPE),
};
#undef OF_ERROR

}  // namespace

long number_of_call(std::string_view name) {
    const auto* row = std::ranges::find(calls, name, &Row::name);
    return row == std::end(calls) ? -1 : row->number;
}

std::string_view name_of_call(long number) {
    const auto* row = std::ranges::find(calls, number, &Row::number);
    return row == std::end(calls) ? "?" : row->name;
}

int number_of_error(std::string_view name) {
    const auto* row = std::ranges::find(errors, name, &Row::name);
    return row == std::end(errors) ? 0 : static_cast<int>(row->number);
}

}  // namespace of::chaos
