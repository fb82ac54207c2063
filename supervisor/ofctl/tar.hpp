// A tar archive (POSIX ustar) of plain files, written piece by piece to a descriptor.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace of::ofctl {

class TarWriter {
  public:
    explicit TarWriter(int file) : file_(file) {}

    /// `name` has at most 100 bytes. False when the file does not take it (errno says why).
    bool add(std::string_view name, std::string_view content, int64_t time_s);
    /// The two empty blocks that end an archive.
    bool finish();

  private:
    bool write_all(std::string_view bytes);
    int file_;
};

}  // namespace of::ofctl
