#include "supervisor/autopsy/bundle.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

namespace of::autopsy {
namespace {

namespace fs = std::filesystem;
constexpr int64_t ns_per_s = 1'000'000'000;
constexpr size_t id_bytes_max = 80;

uint64_t bytes_on_disk(const fs::path& folder) {
    uint64_t bytes = 0;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        struct stat status {};
        if (lstat(entry.path().c_str(), &status) == 0) bytes += static_cast<uint64_t>(status.st_blocks) * 512;
    }
    return bytes;
}

}  // namespace

std::string bundles_folder(const std::string& state_dir) { return state_dir + "/postmortem"; }

std::string bundle_id(int64_t wall_ns, std::string_view worker, uint64_t incarnation) {
    const time_t seconds = wall_ns / ns_per_s;
    tm time{};
    gmtime_r(&seconds, &time);
    char text[32];
    strftime(text, sizeof text, "%Y%m%dT%H%M%S", &time);
    return fmt::format("{}.{:03}Z-{}-{}", text, wall_ns % ns_per_s / 1'000'000, worker, incarnation);
}

bool is_bundle_id(std::string_view name) {
    return !name.empty() && name.size() <= id_bytes_max && name.front() != '.' && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               c == '_';
    });
}

std::vector<BundleSize> list_bundles(const std::string& folder) {
    std::vector<BundleSize> bundles;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        const auto name = entry.path().filename().string();
        std::error_code unknown;
        if (is_bundle_id(name) && entry.is_directory(unknown) && !entry.is_symlink(unknown))
            bundles.push_back({name, bytes_on_disk(entry.path())});
    }
    std::ranges::sort(bundles, {}, &BundleSize::id);
    return bundles;
}

std::vector<std::string> superfluous(std::span<const BundleSize> oldest_first, size_t keep, uint64_t bytes_max) {
    uint64_t bytes = 0;
    for (const auto& bundle : oldest_first) bytes += bundle.bytes;
    std::vector<std::string> victims;
    while (oldest_first.size() > 1 && (oldest_first.size() > keep || bytes > bytes_max)) {
        victims.push_back(oldest_first.front().id);
        bytes -= oldest_first.front().bytes;
        oldest_first = oldest_first.subspan(1);
    }
    return victims;
}

Expected<void> remove_bundle(const std::string& folder, const std::string& id) {
    std::error_code error;
    if (!is_bundle_id(id) || !fs::is_directory(fs::symlink_status(fs::path(folder) / id, error)))
        return fail(ErrorKind::missing, fmt::format("there is no bundle {} in {}", id, folder));
    fs::remove_all(fs::path(folder) / id, error);
    if (error) return fail(ErrorKind::denied, fmt::format("bundle {} in {}: {}", id, folder, error.message()));
    return {};
}

void remove_unfinished(const std::string& folder) {
    std::error_code error;
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder, error))
        if (entry.path().filename().string().starts_with(".")) found.push_back(entry.path());
    for (const auto& path : found) fs::remove_all(path, error);
}

Expected<Facts> read_facts(const std::string& folder, const std::string& id) {
    const auto path = fmt::format("{}/{}/{}", folder, id, facts_file);
    if (!is_bundle_id(id) || access(path.c_str(), F_OK) != 0)
        return fail(ErrorKind::missing, fmt::format("there is no bundle {} in {}", id, folder));
    auto facts = Facts::parse(read_text(path));
    if (facts.rows().empty()) return fail(ErrorKind::corrupt, fmt::format("{} holds no facts", path));
    return facts;
}

std::string read_text(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) return "";
    auto text = read_text(file);
    close(file);
    return text;
}

std::string read_text(int file) {
    std::string text;
    char buffer[8192];
    while (text.size() < text_bytes_max) {
        const auto bytes = pread(file, buffer, sizeof buffer, static_cast<off_t>(text.size()));
        if (bytes <= 0) break;
        text.append(buffer, static_cast<size_t>(bytes));
    }
    return text;
}

}  // namespace of::autopsy
