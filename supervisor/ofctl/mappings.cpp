#include "supervisor/ofctl/mappings.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace of::ofctl {
namespace {

/// A segment may be mapped in several pieces.
std::set<std::string> segments_of(const std::filesystem::path& process) {
    constexpr std::string_view shm_folder = " /dev/shm/";
    std::set<std::string> names;
    std::ifstream maps(process / "maps");
    for (std::string line; std::getline(maps, line);) {
        if (const auto at = line.find(shm_folder); at != std::string::npos)
            names.insert(line.substr(at + shm_folder.size()));
    }
    return names;
}

}  // namespace

std::map<std::string, size_t> mapped_by_others() {
    std::map<std::string, size_t> processes;
    std::error_code error;
    for (const auto& process : std::filesystem::directory_iterator("/proc", error)) {
        const auto pid = process.path().filename().string();
        if (pid.find_first_not_of("0123456789") != std::string::npos || pid == std::to_string(getpid())) continue;
        for (const auto& name : segments_of(process.path())) ++processes[name];
    }
    return processes;
}

}  // namespace of::ofctl
