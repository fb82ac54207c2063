// What the kernel can do: the calls that the supervisor, the rings and the sandbox rest on.
#include <fmt/format.h>

#include <charconv>

#include "supervisor/ofctl/doctor.hpp"

namespace of::ofctl {
namespace {

/// {major, minor} of "6.1.0-18-amd64"; {0, 0} for anything else.
std::pair<int, int> version_of(const std::string& release) {
    std::pair<int, int> version{0, 0};
    const auto* end = release.data() + release.size();
    const auto [dot, error] = std::from_chars(release.data(), end, version.first);
    if (error != std::errc{} || dot == end || *dot != '.') return {0, 0};
    std::from_chars(dot + 1, end, version.second);
    return version;
}

Finding kernel(const Patient& patient) {
    const auto& release = patient.kernel.release;
    const auto version = version_of(release);
    if (version < std::pair(5, 9))
        return broken(fmt::format("Linux {}: close_range and pidfd_open are missing", release), "a kernel from 5.9 on");
    if (version < std::pair(5, 15)) return poor(fmt::format("Linux {}", release), "a kernel from 5.15 on");
    return well(fmt::format("Linux {}", release));
}

Finding pidfd(const Patient& patient) {
    return patient.kernel.pidfd
               ? well("deaths are seen, and signals sent, by descriptor")
               : broken("pidfd_open is refused: no worker can be watched", "a kernel from 5.3 on, no filter on it");
}

Finding futex_waitv(const Patient& patient) {
    return patient.kernel.futex_waitv
               ? well("deaths are noticed before they are over")
               : poor("missing: a death is noticed only when it is over", "a kernel from 5.16 on");
}

Finding membarrier(const Patient& patient) {
    return patient.kernel.membarrier
               ? well("writers need no fence of their own")
               : poor("missing: every ring writer pays for a fence", "a kernel with CONFIG_MEMBARRIER");
}

Finding seccomp(const Patient& patient) {
    return patient.kernel.seccomp
               ? well("calls can be filtered")
               : poor("missing: workers may make any system call", "a kernel with CONFIG_SECCOMP_FILTER");
}

Finding landlock(const Patient& patient) {
    const auto abi = patient.kernel.landlock_abi;
    if (abi == 0)
        return poor("missing: workers may open any file of their user",
                    "boot with lsm=landlock,... (CONFIG_SECURITY_LANDLOCK)");
    const auto* lacks = abi < 3   ? ": truncation, TCP ports, signals are free"
                        : abi < 4 ? ": TCP ports and signals are free"
                        : abi < 6 ? ": signals are free"
                                  : "";
    const auto found = fmt::format("ABI {}{}", abi, lacks);
    return abi < 6 ? poor(found, "a kernel from 6.12 on") : well(found);
}

Finding ptrace_scope(const Patient& patient) {
    const auto scope = patient.files.number("/proc/sys/kernel/yama/ptrace_scope").value_or(0);
    if (scope <= 1) return well(fmt::format("ptrace_scope {}: a worker's stack can be read", scope));
    return poor(fmt::format("ptrace_scope {}: no stack of a worker without privileges", scope),
                "sysctl -w kernel.yama.ptrace_scope=1");
}

Finding address_layout(const Patient& patient) {
    const auto level = patient.files.number("/proc/sys/kernel/randomize_va_space").value_or(0);
    return level == 2 ? well("address spaces are laid out at random")
                      : poor(fmt::format("randomize_va_space is {}", level), "sysctl -w kernel.randomize_va_space=2");
}

constexpr Check checks_of_kernel[] = {
    {"kernel", kernel},   {"pidfd", pidfd},       {"futex_waitv", futex_waitv}, {"membarrier", membarrier},
    {"seccomp", seccomp}, {"landlock", landlock}, {"ptrace", ptrace_scope},     {"address layout", address_layout}};

}  // namespace

std::span<const Check> kernel_checks() { return checks_of_kernel; }

}  // namespace of::ofctl
