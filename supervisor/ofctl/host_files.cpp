#include "supervisor/ofctl/host_files.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace of::ofctl {

bool HostFiles::exists(const std::string& path) const {
    std::error_code ignored;
    return std::filesystem::exists(root_ + path, ignored);
}

std::string HostFiles::text(const std::string& path) const {
    std::ostringstream read;
    read << std::ifstream(root_ + path).rdbuf();  // catches what a read that fails throws
    auto text = read.str();
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

std::optional<int64_t> HostFiles::number(const std::string& path) const {
    const auto digits = text(path);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end == digits.data()) return {};
    return value;
}

std::string HostFiles::link(const std::string& path) const {
    std::error_code ignored;
    return std::filesystem::read_symlink(root_ + path, ignored);
}

std::vector<std::string> HostFiles::list(const std::string& path) const {
    std::vector<std::string> names;
    std::error_code ignored;
    for (std::filesystem::directory_iterator entry(root_ + path, ignored), end; !ignored && entry != end;
         entry.increment(ignored))
        names.push_back(entry->path().filename());
    std::ranges::sort(names);
    return names;
}

}  // namespace of::ofctl
