#include "supervisor/cgroups.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace of::supervisor {
namespace {

constexpr std::string_view own_leaf = "supervisor";

bool write_to(const std::string& path, std::string_view text) {
    const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file < 0) return false;
    const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const int error = errno;
    close(file);
    errno = error;
    return written;
}

/// Where cgroup v2 is mounted; "" if nowhere.
std::string mount_point() {
    std::ifstream mounts("/proc/self/mounts");
    std::string line;
    while (std::getline(mounts, line)) {
        std::istringstream words(line);
        std::string device, path, type;
        if (words >> device >> path >> type && type == "cgroup2") return path;
    }
    return "";
}

/// The v2 cgroup of this process, as a path from the mount point.
std::string own_cgroup() {
    std::ifstream file("/proc/self/cgroup");
    std::string line;
    while (std::getline(file, line))
        if (line.starts_with("0::")) return line.substr(3);
    return "";
}

/// The root of the tree is nobody's to divide; a program that was executed anew is in its leaf already.
std::string delegated_folder() {
    const auto mounted = mount_point();
    auto own = own_cgroup();
    if (mounted.empty() || own.empty() || own == "/") return "";
    const std::filesystem::path path(own);
    if (path.filename() == own_leaf) own = path.parent_path();
    const auto folder = mounted + own;
    return access(folder.c_str(), W_OK) == 0 && access((folder + "/cgroup.procs").c_str(), W_OK) == 0 ? folder : "";
}

}  // namespace

Cgroups Cgroups::open(std::string folder) {
    Cgroups cgroups;
    if (folder.empty()) folder = delegated_folder();
    if (folder.empty()) return cgroups;
    const auto leaf = fmt::format("{}/{}", folder, own_leaf);
    mkdir(leaf.c_str(), 0755);
    if (!write_to(leaf + "/cgroup.procs", "0")) return cgroups;
    for (const auto* controller : {"+memory", "+cpu", "+pids"})
        write_to(folder + "/cgroup.subtree_control", controller);  // limit() sees what has come of it
    cgroups.folder_ = std::move(folder);
    return cgroups;
}

Cgroups::~Cgroups() {
    for (const auto& [worker, descriptor] : leaves_) {
        if (descriptor >= 0) close(descriptor);
        rmdir(fmt::format("{}/{}", folder_, worker).c_str());
    }
}

std::vector<std::string> Cgroups::limit(const std::string& worker, const CgroupLimits& limits) {
    const CgroupLimits none;
    const auto path = fmt::format("{}/{}", folder_, worker);
    if (delegated() && !leaves_.contains(worker)) {
        mkdir(path.c_str(), 0755);
        leaves_[worker] = ::open((path + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
    }
    std::vector<std::string> without_effect;
    const auto set = [&](std::string_view key, std::string_view file, int64_t value, int64_t usual) {
        const auto text = value == usual && usual == 0 ? std::string("max") : std::to_string(value);
        if (delegated() && write_to(fmt::format("{}/{}", path, file), text)) return;
        if (value == usual) return;
        without_effect.push_back(fmt::format("{}: {}", key,
                                             !delegated() ? std::string("no cgroup v2 is delegated to this instance")
                                                          : fmt::format("{}: {}", file, std::strerror(errno))));
    };
    set("memory_mb", "memory.max", limits.memory_bytes, none.memory_bytes);
    set("cpu_weight", "cpu.weight", limits.cpu_weight, none.cpu_weight);
    set("tasks_max", "pids.max", limits.tasks_max, none.tasks_max);
    return without_effect;
}

std::string Cgroups::folder_of(const std::string& worker) const {
    return leaves_.contains(worker) ? fmt::format("{}/{}", folder_, worker) : "";
}

uint64_t Cgroups::oom_kills(const std::string& worker) const {
    if (!leaves_.contains(worker)) return 0;
    std::ifstream file(folder_of(worker) + "/memory.events");
    std::string key;
    for (uint64_t value = 0; file >> key >> value;)
        if (key == "oom_kill") return value;
    return 0;
}

int Cgroups::leaf(const std::string& worker) const {
    const auto found = leaves_.find(worker);
    return found == leaves_.end() ? -1 : found->second;
}

}  // namespace of::supervisor
