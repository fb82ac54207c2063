#include "supervisor/autopsy/core_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

namespace of::autopsy {
namespace {

std::string first_line(const char* path) {
    std::string line;
    std::getline(std::ifstream(path), line);
    return line;
}

std::string expansion(char place_holder, const CoreOf& core) {
    auto path = core.executable;
    std::ranges::replace(path, '/', '!');
    switch (place_holder) {
        case '%':
            return "%";
        case 'p':
        case 'P':
            return std::to_string(core.pid);
        case 'i':
        case 'I':
            return std::to_string(core.thread);
        case 'u':
            return std::to_string(core.uid);
        case 'g':
            return std::to_string(core.gid);
        case 's':
            return std::to_string(core.signal);
        case 't':
            return std::to_string(core.time_s);
        case 'h':
            return core.host;
        case 'e':
            return core.command;
        case 'f':
            return core.executable.substr(core.executable.rfind('/') + 1);
        case 'E':
            return path;
        default:
            return "";
    }
}

}  // namespace

std::string core_name(std::string_view pattern, bool uses_pid, const CoreOf& core) {
    std::string name;
    bool has_pid = false;
    for (size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] != '%') {
            name += pattern[i];
            continue;
        }
        if (++i == pattern.size()) break;
        has_pid = has_pid || pattern[i] == 'p';
        name += expansion(pattern[i], core);
    }
    if (!has_pid && uses_pid) name += fmt::format(".{}", core.pid);
    return name;
}

CoreFile find_core(const CoreOf& core, const std::string& folder) {
    const auto pattern = first_line("/proc/sys/kernel/core_pattern");
    const bool uses_pid = first_line("/proc/sys/kernel/core_uses_pid") == "1";
    if (pattern.empty()) return {"the kernel does not say where", 0};
    if (pattern.front() == '|') return {"given to " + pattern.substr(1, pattern.find(' ') - 1), 0};
    // The kernel took its time a moment before or after we took ours.
    for (const int64_t aside : {0, -1, 1, -2}) {
        auto shifted = core;
        shifted.time_s += aside;
        auto path = core_name(pattern, uses_pid, shifted);
        if (!path.starts_with('/')) path = folder + "/" + path;
        struct stat status {};
        if (stat(path.c_str(), &status) == 0) return {path, static_cast<uint64_t>(status.st_size)};
    }
    return {fmt::format("not found by its pattern {}", pattern), 0};
}

}  // namespace of::autopsy
