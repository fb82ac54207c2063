#include "supervisor/ofctl/tar.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace of::ofctl {
namespace {

constexpr size_t tar_block_bytes = 512;
constexpr size_t name_bytes = 100;
constexpr size_t checksum_at = 148;
constexpr size_t checksum_bytes = 8;

void set(std::string& header, size_t at, std::string_view text) { header.replace(at, text.size(), text); }

std::string header_of(std::string_view name, size_t bytes, int64_t time_s) {
    std::string header(tar_block_bytes, '\0');
    set(header, 0, name);
    set(header, 100, "0000600");
    set(header, 108, "0000000");
    set(header, 116, "0000000");
    set(header, 124, fmt::format("{:011o}", bytes));
    set(header, 136, fmt::format("{:011o}", std::max<int64_t>(time_s, 0)));
    set(header, 156, "0");
    set(header, 257, std::string_view("ustar\00000", 8));
    set(header, checksum_at, std::string(checksum_bytes, ' '));  // counts as spaces in its own sum
    unsigned sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    set(header, checksum_at, fmt::format("{:06o}", sum));
    header[checksum_at + 6] = '\0';
    return header;
}

}  // namespace

bool TarWriter::add(std::string_view name, std::string_view content, int64_t time_s) {
    errno = ENAMETOOLONG;
    if (name.size() > name_bytes || !write_all(header_of(name, content.size(), time_s))) return false;
    const auto rest = content.size() % tar_block_bytes;
    return write_all(content) && (rest == 0 || write_all(std::string(tar_block_bytes - rest, '\0')));
}

bool TarWriter::finish() { return write_all(std::string(2 * tar_block_bytes, '\0')); }

bool TarWriter::write_all(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto written = write(file_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes.remove_prefix(static_cast<size_t>(written));
    }
    return true;
}

}  // namespace of::ofctl
