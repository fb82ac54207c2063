#include "supervisor/autopsy/bundle_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace of::autopsy {
namespace {

constexpr size_t block_bytes = 4096;

bool all_zero(std::span<const std::byte> block) {
    return std::ranges::all_of(block, [](std::byte each) { return each == std::byte{0}; });
}

/// Bytes that take room on the disk, or -1 when it did not take them.
int64_t write_sparse(int file, std::span<const std::byte> content) {
    int64_t taken = 0;
    for (size_t at = 0; at < content.size(); at += block_bytes) {
        const auto block = content.subspan(at, std::min(block_bytes, content.size() - at));
        if (all_zero(block)) continue;
        if (pwrite(file, block.data(), block.size(), static_cast<off_t>(at)) != static_cast<ssize_t>(block.size()))
            return -1;
        taken += block_bytes;
    }
    return ftruncate(file, static_cast<off_t>(content.size())) == 0 ? taken : -1;
}

uint64_t bytes_taken(std::span<const std::byte> content) {
    uint64_t taken = 0;
    for (size_t at = 0; at < content.size(); at += block_bytes)
        if (!all_zero(content.subspan(at, std::min(block_bytes, content.size() - at)))) taken += block_bytes;
    return taken;
}

}  // namespace

Expected<BundleWriter> BundleWriter::begin(const std::string& folder, const std::string& id, uint64_t bytes_max) {
    BundleWriter writer;
    writer.folder_ = folder;
    writer.id_ = id;
    writer.hidden_ = fmt::format("{}/.{}", folder, id);
    writer.bytes_max_ = bytes_max;
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(ErrorKind::denied, fmt::format("{}: {}", folder, std::strerror(errno)));
    if (mkdir(writer.hidden_.c_str(), 0700) != 0)
        return fail(ErrorKind::denied, fmt::format("{}: {}", writer.hidden_, std::strerror(errno)));
    return writer;
}

void BundleWriter::file(std::string_view name, std::string_view text) {
    file(name, std::as_bytes(std::span(text.data(), text.size())));
}

void BundleWriter::file(std::string_view name, std::span<const std::byte> content) {
    if (bytes_ + bytes_taken(content) > bytes_max_) {
        left_out_.push_back(fmt::format("{}: the bundle is full", name));
        return;
    }
    const auto path = fmt::format("{}/{}", hidden_, name);
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    const auto taken = file < 0 ? -1 : write_sparse(file, content);
    if (taken < 0) left_out_.push_back(fmt::format("{}: {}", name, std::strerror(errno)));
    if (taken < 0 && file >= 0) unlink(path.c_str());
    if (file >= 0) close(file);
    bytes_ += static_cast<uint64_t>(std::max<int64_t>(taken, 0));
}

Expected<void> BundleWriter::finish() {
    if (rename(hidden_.c_str(), fmt::format("{}/{}", folder_, id_).c_str()) == 0) return {};
    return fail(ErrorKind::failed, fmt::format("{}/{}: {}", folder_, id_, std::strerror(errno)));
}

}  // namespace of::autopsy
