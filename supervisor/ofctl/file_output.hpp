// What ofctl makes of a file: all of the bytes, or why not.
#pragma once

#include <span>
#include <string>

#include "shm/error.hpp"

namespace of::ofctl {

/// The sentence for an errno of a call on `path`.
Error file_error(const std::string& path, int number);
/// To the last byte, through interruptions.
Expected<void> write_whole(int file, const std::string& path, std::span<const std::byte> bytes);

}  // namespace of::ofctl
