// of-sandbox-probe: a process in the sandbox of a role, that then tries one thing. What comes of it is for the test to
// judge: the process dies of SIGSYS, or prints "done" or the name of the error.
//
//   of-sandbox-probe list                              the forbidden calls that it can try, one a line
//   of-sandbox-probe ROLE FOLDER PORT MODE call NAME   one of them
//   of-sandbox-probe ROLE FOLDER PORT MODE read|write|list|remove PATH, connect|bind PORT, socket FAMILY, thread
//   of-sandbox-probe without seccomp|landlock PROGRAM ARGUMENT...   executes PROGRAM on a kernel that lacks it
//
// FOLDER is the role's own (storage, logger), PORT that of its URLs (binance); MODE is as in the configuration.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include "workers/binance/sandbox_rules.hpp"
#include "workers/communication/sandbox_rules.hpp"
#include "workers/logger/sandbox_rules.hpp"
#include "workers/runtime/sandbox.hpp"
#include "workers/storage/sandbox_rules.hpp"

namespace {

using namespace of;

/// A call that no role makes, with arguments that would do no harm.
struct Forbidden {
    const char* name;
    long number;
    long arguments[6] = {};
};

constexpr long nowhere = 0;
constexpr Forbidden forbidden_calls[] = {
    {"execve", SYS_execve, {nowhere}},
    {"execveat", SYS_execveat, {-1}},
    {"a process by clone", SYS_clone, {SIGCHLD}},
    {"a namespace by clone", SYS_clone, {CLONE_NEWUSER | SIGCHLD}},
    {"ptrace", SYS_ptrace, {0}},
    {"process_vm_readv", SYS_process_vm_readv, {-1}},
    {"process_vm_writev", SYS_process_vm_writev, {-1}},
    {"kill", SYS_kill, {0, 0}},
    {"tkill", SYS_tkill, {1, 0}},
    {"tgkill of another", SYS_tgkill, {1, 1, 0}},
    {"rt_sigqueueinfo", SYS_rt_sigqueueinfo, {1, 0}},
    {"pidfd_open", SYS_pidfd_open, {1}},
    {"pidfd_send_signal", SYS_pidfd_send_signal, {-1}},
    {"pidfd_getfd", SYS_pidfd_getfd, {-1}},
    {"mount", SYS_mount, {nowhere}},
    {"umount2", SYS_umount2, {nowhere}},
    {"pivot_root", SYS_pivot_root, {nowhere}},
    {"chroot", SYS_chroot, {nowhere}},
    {"open_tree", SYS_open_tree, {-1}},
    {"unshare", SYS_unshare, {0}},
    {"setns", SYS_setns, {-1}},
    {"bpf", SYS_bpf, {-1}},
    {"perf_event_open", SYS_perf_event_open, {nowhere}},
    {"userfaultfd", SYS_userfaultfd, {-1}},
    {"memfd_create", SYS_memfd_create, {nowhere}},
    {"io_uring_setup", SYS_io_uring_setup, {0}},
    {"keyctl", SYS_keyctl, {-1}},
    {"add_key", SYS_add_key, {nowhere}},
    {"request_key", SYS_request_key, {nowhere}},
    {"init_module", SYS_init_module, {nowhere}},
    {"finit_module", SYS_finit_module, {-1}},
    {"delete_module", SYS_delete_module, {nowhere}},
    {"kexec_load", SYS_kexec_load, {0, 0, 0, -1}},
    {"reboot", SYS_reboot, {0}},
    {"swapon", SYS_swapon, {nowhere}},
    {"syslog", SYS_syslog, {-1}},
    {"acct", SYS_acct, {-1}},
    {"sethostname", SYS_sethostname, {nowhere, -1}},
    {"settimeofday", SYS_settimeofday, {-1}},
    {"clock_settime", SYS_clock_settime, {-1}},
    {"adjtimex", SYS_adjtimex, {-1}},
    {"setuid", SYS_setuid, {0}},
    {"setgroups", SYS_setgroups, {-1}},
    {"capset", SYS_capset, {nowhere}},
    {"personality", SYS_personality, {-1}},
    {"seccomp", SYS_seccomp, {-1}},
    {"a limit by prlimit64", SYS_prlimit64, {0, 0, 1}},
    {"setrlimit", SYS_setrlimit, {-1}},
    {"sched_setscheduler", SYS_sched_setscheduler, {0, -1}},
    {"setpriority", SYS_setpriority, {-1}},
    {"open_by_handle_at", SYS_open_by_handle_at, {-1}},
    {"mknodat", SYS_mknodat, {-1}},
    {"linkat", SYS_linkat, {-1}},
    {"symlinkat", SYS_symlinkat, {nowhere, -1}},
    {"fchmodat", SYS_fchmodat, {-1}},
    {"fchownat", SYS_fchownat, {-1}},
    {"mkdirat", SYS_mkdirat, {-1}},
    {"shmget", SYS_shmget, {0}},
    {"msgget", SYS_msgget, {0}},
    {"inotify_init1", SYS_inotify_init1, {-1}},
    {"fanotify_init", SYS_fanotify_init, {-1}},
    {"splice", SYS_splice, {-1, 0, -1}},
    {"vmsplice", SYS_vmsplice, {-1}},
    {"listen", SYS_listen, {-1}},
    {"a packet socket", SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
    {"a crypto socket", SYS_socket, {AF_ALG, SOCK_SEQPACKET, 0}},
    {"a machine socket", SYS_socket, {40, SOCK_STREAM, 0}},
    {"a raw socket", SYS_socket, {AF_INET, SOCK_RAW, IPPROTO_ICMP}},
    {"a multipath socket", SYS_socket, {AF_INET, SOCK_STREAM, 262}},
    {"a writable, executable page", SYS_mmap, {0, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
    {"execution by mprotect", SYS_mprotect, {0, 0, PROT_EXEC}},
    {"another filter by prctl", SYS_prctl, {PR_SET_SECCOMP, -1}},
    {"typing into a terminal", SYS_ioctl, {-1, TIOCSTI}},
};

int say(bool well) {
    std::puts(well ? "done" : strerrorname_np(errno));
    return 0;
}

int try_call(const std::string& name) {
    for (const auto& [known, number, a] : forbidden_calls)
        if (name == known) return say(syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) >= 0);
    return 2;
}

int try_port(bool connecting, const std::string& port) {
    const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0) return say(false);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(port)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* at = reinterpret_cast<const sockaddr*>(&address);
    return say((connecting ? connect(descriptor, at, sizeof address) : bind(descriptor, at, sizeof address)) == 0);
}

int try_thread() {
    bool ran = false;
    std::thread([&] { ran = true; }).join();
    return say(ran);
}

int try_it(const std::string& what, const std::string& on) {
    if (what == "call") return try_call(on);
    if (what == "read") return say(open(on.c_str(), O_RDONLY | O_CLOEXEC) >= 0);
    if (what == "write") return say(open(on.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0);
    if (what == "list") return say(open(on.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0);
    if (what == "remove") return say(unlink(on.c_str()) == 0);
    if (what == "connect" || what == "bind") return try_port(what == "connect", on);
    if (what == "socket") return say(socket(std::stoi(on), SOCK_STREAM, 0) >= 0);
    return what == "thread" ? try_thread() : 2;
}

SandboxRules rules_of(const std::string& role, const std::string& folder, const std::string& port) {
    if (role == "storage") return storage::sandbox_rules(folder);
    if (role == "logger") return logger::sandbox_rules(folder);
    if (role == "communication") return communication::sandbox_rules();
    binance::Config config;
    for (auto* url : {&config.line.url, &config.rest_url, &config.history_url}) url->port = port;
    return binance::sandbox_rules(config);
}

/// The call fails as on a kernel that was built without it.
int run_without(const std::string& what, char** program) {
    auto* filter = seccomp_init(SCMP_ACT_ALLOW);
    const auto lacks = [&](int number) { seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0); };
    if (what == "landlock") lacks(SCMP_SYS(landlock_create_ruleset));
    if (what == "seccomp") {
        lacks(SCMP_SYS(seccomp));
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP));
    }
    if (seccomp_load(filter) != 0) return 2;
    execv(program[0], program);
    return 127;
}

int probe(const std::vector<std::string>& words) {
    const auto mode = parse_sandbox_mode(words[3]);
    if (!mode) return 2;
    const auto report = enter_sandbox(rules_of(words[0], words[1], words[2]), *mode);
    std::fprintf(stderr, "in force: %s; missing: %s\n", report.in_force.c_str(), report.missing.c_str());
    return try_it(words[4], words.size() > 5 ? words[5] : "");
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() == 1 && words[0] == "list")
        for (const auto& call : forbidden_calls) std::puts(call.name);
    if (words.size() < 5) return words.size() > 2 && words[0] == "without" ? run_without(words[1], argv + 3) : 0;
    if (words[0] == "without") return run_without(words[1], argv + 3);
    return probe(words);
}
