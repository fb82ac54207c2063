// What a fuzz target provides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Tries one input; a fault ends the process.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

/// Good inputs to mutate.
std::vector<std::string> fuzz_corpus();

extern const std::string_view fuzz_name;
