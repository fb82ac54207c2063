#include "supervisor/ofctl/file_output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace of::ofctl {

Error file_error(const std::string& path, int number) {
    const auto kind = number == ENOENT                       ? ErrorKind::missing
                      : number == EACCES || number == EPERM  ? ErrorKind::denied
                      : number == ENOSPC || number == EDQUOT ? ErrorKind::no_space
                                                             : ErrorKind::failed;
    return {kind, fmt::format("{}: {}", path, std::strerror(number))};
}

Expected<void> write_whole(int file, const std::string& path, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto written = write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return tl::make_unexpected(file_error(path, errno));
        bytes = bytes.subspan(static_cast<size_t>(written));
    }
    return {};
}

}  // namespace of::ofctl
