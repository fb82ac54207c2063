// Files of the kernel. What they tell of may go away while it is read: that is no error, there is less to read then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace of::ofctl {

/// Files of the kernel below a root, "" for the machine's own.
class HostFiles {
  public:
    explicit HostFiles(std::string root = "") : root_(std::move(root)) {}
    bool exists(const std::string& path) const;
    /// Without the newline at its end; "" for what cannot be read.
    std::string text(const std::string& path) const;
    std::optional<int64_t> number(const std::string& path) const;
    /// Where a symbolic link leads; "" for what is none.
    std::string link(const std::string& path) const;
    /// Names in a folder, sorted.
    std::vector<std::string> list(const std::string& path) const;

  private:
    std::string root_;
};

}  // namespace of::ofctl
