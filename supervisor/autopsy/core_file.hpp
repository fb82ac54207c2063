// Where the kernel has put a core file: core(5). Pure but for the look whether it is there.
#pragma once

#include <cstdint>
#include <string>

namespace of::autopsy {

/// What the place-holders of a pattern stand for.
struct CoreOf {
    uint64_t pid = 0;
    uint64_t thread = 0;
    int signal = 0;
    int64_t time_s = 0;
    std::string command;     ///< name of the thread
    std::string executable;  ///< path
    std::string host;
    uint32_t uid = 0;
    uint32_t gid = 0;
};

/// The file name that a pattern without "|" makes; `uses_pid` is /proc/sys/kernel/core_uses_pid.
std::string core_name(std::string_view pattern, bool uses_pid, const CoreOf& core);

struct CoreFile {
    std::string path;  ///< or a sentence, when the kernel gave it to a program, or it is not where it should be
    uint64_t bytes = 0;
};
/// The core of a process whose working directory was `folder`.
CoreFile find_core(const CoreOf& core, const std::string& folder);

}  // namespace of::autopsy
