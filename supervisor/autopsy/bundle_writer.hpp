// Writes the files of one bundle, up to a size. What does not fit is left out and named. Under a hidden name until it
// is whole.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "shm/error.hpp"

namespace of::autopsy {

class BundleWriter {
  public:
    /// Makes the folder, mode 0700.
    static Expected<BundleWriter> begin(const std::string& folder, const std::string& id, uint64_t bytes_max);

    void file(std::string_view name, std::string_view text);
    /// Pages of zeros become holes.
    void file(std::string_view name, std::span<const std::byte> content);
    /// Shows the bundle under its name.
    Expected<void> finish();

    uint64_t bytes() const { return bytes_; }
    const std::vector<std::string>& left_out() const { return left_out_; }

  private:
    std::string folder_;
    std::string id_;
    std::string hidden_;  ///< path
    uint64_t bytes_max_ = 0;
    uint64_t bytes_ = 0;
    std::vector<std::string> left_out_;
};

}  // namespace of::autopsy
