// Everything that reads a segment, at once: for tests that damage segments first.
#pragma once

#include <string>
#include <vector>

namespace of::fuzz {

/// Small good segments of every kind, as the bytes of their files: a ring for each schema and slot size of the wiring,
/// with messages in it, and each page, in use.
std::vector<std::string> good_segments();

/// Inspects the file and, if that is a segment at all, verifies it and reads it in every way that shm and ofctl have.
/// Returns whether something was found wrong.
bool read_all(const std::string& path);

}  // namespace of::fuzz
