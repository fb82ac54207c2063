#include "workers/logger/file_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace of::logger {

FileSink::~FileSink() {
    if (descriptor_ >= 0) close(descriptor_);
}

Expected<void> FileSink::open() {
    return open_file().and_then([this] { return end_partial_line(); });
}

Expected<void> FileSink::open_file() {
    descriptor_ = ::open(path().c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    struct stat status{};
    if (descriptor_ < 0 || fstat(descriptor_, &status) != 0)
        return fail(ErrorKind::denied, fmt::format("log file {} cannot be opened: {}", path(), std::strerror(errno)));
    bytes_ = static_cast<uint64_t>(status.st_size);
    return {};
}

Expected<void> FileSink::end_partial_line() {
    char last = '\n';
    if (bytes_ != 0 && pread(descriptor_, &last, 1, static_cast<off_t>(bytes_ - 1)) == 1 && last != '\n')
        return append("\n");
    return {};
}

/// All or nothing: what a full disk let through of a batch is taken back, so that the batch can be tried
/// again as it is.
Expected<void> FileSink::append(std::string_view lines) {
    if (descriptor_ < 0) {  // the file after a rotation could not be made; the old ones are in their places already
        if (auto opened = open_file(); !opened) return opened;
    }
    if (bytes_ != 0 && bytes_ + lines.size() > settings_.rotate_bytes) {
        if (auto turned = rotate(); !turned) return turned;
    }
    size_t written = 0;
    while (written < lines.size()) {
        const auto result = write(descriptor_, lines.data() + written, lines.size() - written);
        if (result > 0) {
            written += static_cast<size_t>(result);
            continue;
        }
        if (result < 0 && errno == EINTR) continue;
        const int error = errno;
        if (ftruncate(descriptor_, static_cast<off_t>(bytes_)) != 0)
            return fail(ErrorKind::failed,
                        fmt::format("log file {} cannot be cut back: {}", path(), std::strerror(errno)));
        return fail(ErrorKind::no_space,
                    fmt::format("log file {} cannot be written: {}", path(), std::strerror(error)));
    }
    bytes_ += lines.size();
    return {};
}

Expected<void> FileSink::rotate() {
    for (auto n = settings_.keep_files; n > 0; --n) {
        const auto from = n == 1 ? path() : fmt::format("{}.{}", path(), n - 1);
        std::rename(from.c_str(), fmt::format("{}.{}", path(), n).c_str());  // one that is not there is no loss
    }
    if (settings_.keep_files == 0) unlink(path().c_str());
    close(std::exchange(descriptor_, -1));
    bytes_ = 0;
    rotated_ = true;
    return open_file();
}

void FileSink::sync() const { fdatasync(descriptor_); }

bool FileSink::rotated() { return std::exchange(rotated_, false); }

}  // namespace of::logger
