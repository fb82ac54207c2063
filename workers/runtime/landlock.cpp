#include "workers/runtime/landlock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace of {
namespace {

// As in <linux/landlock.h> of Linux 6.12 (ABI 6); the header of the system that we are built on may be older.
struct RulesetAttributes {
    uint64_t handled_files;
    uint64_t handled_ports;
    uint64_t scoped;
};
struct [[gnu::packed]] PathRule {
    uint64_t allowed;
    int32_t parent;
};
struct PortRule {
    uint64_t allowed;
    uint64_t port;
};
static_assert(sizeof(RulesetAttributes) == 24 && sizeof(PathRule) == 12 && sizeof(PortRule) == 16);

/// Read by every worker: about itself (/proc/self), and what libraries look up when they please.
constexpr const char* everybodys_files[] = {"/proc",     "/sys/devices/system/cpu", "/dev/urandom",
                                            "/dev/null", "/etc/localtime",          "/usr/share/zoneinfo"};

constexpr unsigned ask_version = 1;
constexpr int path_rule = 1, port_rule = 2;
constexpr uint64_t write_file = 1 << 1, read_file = 1 << 2, read_folder = 1 << 3, remove_file = 1 << 5,
                   make_file = 1 << 8, truncate_file = 1 << 14;
constexpr uint64_t files_abi1 = (1 << 13) - 1, files_abi2 = (1 << 14) - 1, files_abi3 = (1 << 15) - 1,
                   files_abi5 = (1 << 16) - 1;
constexpr uint64_t bind_tcp = 1 << 0, connect_tcp = 1 << 1;
constexpr uint64_t scope_abstract_sockets = 1 << 0, scope_signals = 1 << 1;

uint64_t files_handled_by(int abi) {
    return abi >= 5 ? files_abi5 : abi >= 3 ? files_abi3 : abi == 2 ? files_abi2 : files_abi1;
}

RulesetAttributes attributes_of(int abi) {
    return {.handled_files = files_handled_by(abi),
            .handled_ports = abi >= 4 ? bind_tcp | connect_tcp : 0,
            .scoped = abi >= 6 ? scope_abstract_sockets | scope_signals : 0};
}

/// An older kernel refuses a structure that is longer than the one it knows.
size_t attributes_bytes(int abi) { return abi >= 6 ? 24 : abi >= 4 ? 16 : 8; }

class Descriptor {
  public:
    explicit Descriptor(long number) : number_(static_cast<int>(number)) {}
    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    int number() const { return number_; }

  private:
    int number_;
};

/// A path that does not exist needs no rule.
Expected<void> allow_path(int ruleset, const std::string& path, uint64_t allowed) {
    const Descriptor parent(open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status{};
    if (parent.number() < 0 || fstat(parent.number(), &status) != 0) return {};
    if (!S_ISDIR(status.st_mode)) allowed &= read_file | write_file | truncate_file;
    const PathRule rule{allowed, parent.number()};
    if (syscall(SYS_landlock_add_rule, ruleset, path_rule, &rule, 0) == 0) return {};
    return fail(ErrorKind::failed, fmt::format("Landlock rule for {}: {}", path, std::strerror(errno)));
}

Expected<void> allow_port(int ruleset, uint16_t port) {
    const PortRule rule{connect_tcp, port};
    if (syscall(SYS_landlock_add_rule, ruleset, port_rule, &rule, 0) == 0) return {};
    return fail(ErrorKind::failed, fmt::format("Landlock rule for port {}: {}", port, std::strerror(errno)));
}

Expected<void> add_rules(int ruleset, const SandboxRules& rules, int abi) {
    constexpr uint64_t reading = read_file | read_folder;
    const uint64_t writing = (reading | write_file | remove_file | make_file | truncate_file) & files_handled_by(abi);
    for (const auto* path : everybodys_files)
        if (auto added = allow_path(ruleset, path, reading); !added) return added;
    for (const auto& path : rules.readable)
        if (auto added = allow_path(ruleset, path, reading); !added) return added;
    for (const auto& path : rules.writable)
        if (auto added = allow_path(ruleset, path, writing); !added) return added;
    for (const auto port : rules.connect_ports) {
        if (abi < 4) break;
        if (auto added = allow_port(ruleset, port); !added) return added;
    }
    return {};
}

}  // namespace

int landlock_abi() {
    const auto version = syscall(SYS_landlock_create_ruleset, nullptr, 0, ask_version);
    return version > 0 ? static_cast<int>(version) : 0;
}

Expected<int> restrict_by_landlock(const SandboxRules& rules) {
    const int abi = landlock_abi();
    if (abi == 0) return fail(ErrorKind::missing, "this kernel has no Landlock");
    const auto attributes = attributes_of(abi);
    const Descriptor ruleset(syscall(SYS_landlock_create_ruleset, &attributes, attributes_bytes(abi), 0));
    if (ruleset.number() < 0) return fail(ErrorKind::failed, fmt::format("Landlock: {}", std::strerror(errno)));
    if (auto added = add_rules(ruleset.number(), rules, abi); !added) return tl::make_unexpected(added.error());
    if (syscall(SYS_landlock_restrict_self, ruleset.number(), 0) != 0)
        return fail(ErrorKind::failed, fmt::format("Landlock: {}", std::strerror(errno)));
    return abi;
}

}  // namespace of
