#include "workers/runtime/seccomp_filter.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

namespace of {
namespace {

// Calls without a look at their arguments. A name that an architecture does not have is left out there: it has the
// newer one beside it.
constexpr std::string_view everybodys[] = {
    // Descriptors that are there. What may be opened is Landlock's to say.
    "read", "readv", "pread64", "write", "writev", "close", "lseek", "fcntl", "dup", "fstat", "newfstatat", "statx",
    "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "pipe2",
    // The event loop.
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "poll", "ppoll", "eventfd2", "timerfd_create",
    "timerfd_settime", "timerfd_gettime",
    // Memory and threads.
    "brk", "munmap", "mremap", "madvise", "futex", "membarrier", "rseq", "set_robust_list", "sched_yield",
    "sched_getaffinity", "getcpu",
    // Time and chance.
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getrandom",
    // Who we are.
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrusage", "uname", "sysinfo",
    // Signals, and the end. restart_syscall: a wait goes on after SIGCONT.
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "exit", "exit_group",
    // A crash, into the black box.
    "pwrite64", "pause"};
constexpr std::string_view file_calls[] = {"openat", "ftruncate", "fallocate", "fsync",     "fdatasync", "unlink",  "unlinkat",
                                           "rename", "renameat",  "renameat2", "fchmod", "fchown",    "fstatfs", "getcwd"};
constexpr std::string_view stream_calls[] = {"recvfrom",   "recvmsg",    "sendto",      "sendmsg",    "shutdown",
                                             "getsockopt", "setsockopt", "getsockname", "getpeername"};
constexpr std::string_view accept_calls[] = {"accept", "accept4"};
// bind: a netlink socket's address, by the name resolver; TCP ports are refused by Landlock, and nothing listens.
constexpr std::string_view connect_calls[] = {"connect", "bind", "sendmmsg"};

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;
using Conditions = std::vector<scmp_arg_cmp>;

/// What befalls a call that is not in the list: SIGSYS, which cannot be ignored or blocked, and whose handler notes the
/// call in the black box before the process dies of it. Whoever put another handler in its place has gained nothing: the
/// call has not been made.
constexpr uint32_t denied = SCMP_ACT_TRAP;

/// The first failure is kept; what follows it does nothing.
class FilterBuilder {
  public:
    explicit FilterBuilder(bool audit)
        : audit_(audit), context_(seccomp_init(audit ? SCMP_ACT_LOG : denied), &seccomp_release) {
        if (!context_) keep(-ENOMEM, "init");
        set(SCMP_FLTATR_ACT_BADARCH, audit ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS);
        set(SCMP_FLTATR_CTL_TSYNC, 1);
        set(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary search instead of a chain of comparisons
    }

    void allow(std::string_view call, const Conditions& conditions = {}) { add(SCMP_ACT_ALLOW, call, conditions); }
    /// The call fails with `number`, and the process lives: for what libraries try before they do without. An audit
    /// refuses nothing: it logs this call as well.
    void refuse(std::string_view call, uint16_t number, const Conditions& conditions = {}) {
        if (!audit_) add(SCMP_ACT_ERRNO(number), call, conditions);
    }
    Expected<void> load() {
        if (failure_.empty()) keep(seccomp_load(context_.get()), "load");
        if (!failure_.empty()) return fail(ErrorKind::failed, failure_);
        return {};
    }

  private:
    void set(scmp_filter_attr attribute, uint32_t value) {
        if (failure_.empty()) keep(seccomp_attr_set(context_.get(), attribute, value), "attribute");
    }
    void add(uint32_t action, std::string_view call, const Conditions& conditions) {
        if (!failure_.empty()) return;
        const int number = seccomp_syscall_resolve_name(std::string(call).c_str());
        if (number == __NR_SCMP_ERROR) return;
        keep(seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(conditions.size()),
                                    conditions.data()),
             call);
    }
    void keep(int result, std::string_view what) {
        if (result < 0 && failure_.empty()) failure_ = fmt::format("seccomp, {}: {}", what, std::strerror(-result));
    }

    bool audit_;
    Context context_;
    std::string failure_;
};

scmp_arg_cmp is(unsigned argument, uint64_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
scmp_arg_cmp masked(unsigned argument, uint64_t mask, uint64_t value) {
    return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

/// Memory is never writable and executable, and becomes executable only by mapping a module.
void add_memory(FilterBuilder& filter, const SandboxRules& rules) {
    constexpr unsigned protection = 2;
    filter.allow("mmap", {masked(protection, PROT_EXEC, 0)});
    if (rules.has(CallGroup::connect)) filter.allow("mmap", {masked(protection, PROT_WRITE | PROT_EXEC, PROT_EXEC)});
    filter.allow("mprotect", {masked(protection, PROT_EXEC, 0)});
}

/// Threads, no processes. What clone3 asks for lies in memory, where a filter cannot look: glibc does without it.
void add_threads(FilterBuilder& filter, const SandboxRules& rules) {
    constexpr uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
    constexpr uint64_t namespaces =
        CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    filter.refuse("clone3", ENOSYS);
    if (rules.has(CallGroup::connect)) filter.allow("clone", {masked(0, thread | namespaces, thread)});
}

/// The process may look at itself and signal itself, and nobody else.
void add_own_business(FilterBuilder& filter) {
    filter.allow("tgkill", {is(0, static_cast<uint64_t>(getpid()))});
    filter.allow("prlimit64", {is(2, 0)});  // reading only
    for (const auto option :
         {PR_SET_NAME, PR_GET_NAME, PR_SET_PTRACER, PR_SET_DUMPABLE, PR_GET_DUMPABLE, PR_SET_PDEATHSIG, PR_SET_VMA})
        filter.allow("prctl", {is(0, static_cast<uint64_t>(option))});
    for (const uint64_t request : {FIONBIO, FIONREAD, FIOCLEX, TCGETS}) filter.allow("ioctl", {is(1, request)});
}

/// Only who keeps files may open one for more than reading; the others are told so, where there is no Landlock too.
void add_reading(FilterBuilder& filter) {
    constexpr unsigned flags = 2;
    filter.allow("openat", {masked(flags, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)});
    for (const uint64_t mode : {O_WRONLY, O_RDWR}) filter.refuse("openat", EACCES, {masked(flags, O_ACCMODE, mode)});
    for (const uint64_t flag : {O_CREAT, O_TRUNC})
        filter.refuse("openat", EACCES, {masked(flags, O_ACCMODE | flag, flag)});
}

/// TCP, UDP (names) and the route table (which addresses are worth a try). Without a local name service's socket, glibc
/// asks for names itself.
void add_sockets(FilterBuilder& filter) {
    constexpr uint64_t kind = 0xf;
    for (const uint64_t family : {AF_INET, AF_INET6}) {
        for (const uint64_t protocol : {0, int{IPPROTO_TCP}})
            filter.allow("socket", {is(0, family), masked(1, kind, SOCK_STREAM), is(2, protocol)});
        for (const uint64_t protocol : {0, int{IPPROTO_UDP}})
            filter.allow("socket", {is(0, family), masked(1, kind, SOCK_DGRAM), is(2, protocol)});
    }
    filter.allow("socket", {is(0, AF_NETLINK), masked(1, kind, SOCK_RAW), is(2, 0)});
    filter.refuse("socket", EAFNOSUPPORT, {is(0, AF_UNIX)});
    constexpr uint64_t siocgifindex = 0x8933;  // a name server with a scope: fe80::1%eth0
    filter.allow("ioctl", {is(1, siocgifindex)});
}

}  // namespace

bool filter_is_built() {
#ifdef OF_SANITIZED
    return false;
#else
    return true;
#endif
}

std::vector<std::string_view> calls_of(const SandboxRules& rules) {
    std::vector<std::string_view> calls(std::begin(everybodys), std::end(everybodys));
    const auto add = [&](CallGroup group, std::span<const std::string_view> names) {
        if (rules.has(group)) calls.insert(calls.end(), names.begin(), names.end());
    };
    add(CallGroup::files, file_calls);
    add(CallGroup::streams, stream_calls);
    add(CallGroup::accept, accept_calls);
    add(CallGroup::connect, connect_calls);
    return calls;
}

Expected<void> install_filter(const SandboxRules& rules, bool audit) {
    FilterBuilder filter(audit);
    for (const auto call : calls_of(rules)) filter.allow(call);
    add_memory(filter, rules);
    add_threads(filter, rules);
    add_own_business(filter);
    if (!rules.has(CallGroup::files)) add_reading(filter);
    if (rules.has(CallGroup::connect)) add_sockets(filter);
    return filter.load();
}

}  // namespace of
