#include "workers/runtime/privileges.hpp"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace of {
namespace {

bool has_none() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3]{};
    if (syscall(SYS_capget, &header, held) != 0) return false;
    return std::ranges::all_of(
        held, [](const auto& part) { return part.effective == 0 && part.permitted == 0 && part.inheritable == 0; });
}

}  // namespace

Expected<void> drop_privileges() {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(ErrorKind::failed, fmt::format("no_new_privs: {}", std::strerror(errno)));
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    // Refused without CAP_SETPCAP, and then without meaning: no_new_privs keeps what could be gained out of reach.
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (has_none()) return {};  // capset itself may be refused to whom it is of no use
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
    if (syscall(SYS_capset, &header, none) != 0)
        return fail(ErrorKind::failed, fmt::format("capabilities: {}", std::strerror(errno)));
    return {};
}

}  // namespace of
