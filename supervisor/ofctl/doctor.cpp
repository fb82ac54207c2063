#include "supervisor/ofctl/doctor.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

namespace of::ofctl {

std::string_view name_of(Grade grade) {
    constexpr std::string_view names[] = {"OK", "WARN", "FAIL"};
    return names[static_cast<size_t>(grade)];
}

bool HostFiles::exists(const std::string& path) const {
    std::error_code ignored;
    return std::filesystem::exists(root_ + path, ignored);
}

std::string HostFiles::text(const std::string& path) const {
    std::ifstream file(root_ + path);
    std::string text{std::istreambuf_iterator<char>(file), {}};
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
    for (const auto& entry : std::filesystem::directory_iterator(root_ + path, ignored))
        names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}

std::vector<Check> all_checks() {
    std::vector<Check> checks;
    for (const auto part : {kernel_checks(), memory_checks(), machine_checks(), instance_checks()})
        checks.insert(checks.end(), part.begin(), part.end());
    return checks;
}

}  // namespace of::ofctl
