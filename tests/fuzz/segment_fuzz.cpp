// Segments of any content: no reader of shm, and nothing that ofctl does with a segment, reads outside it.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "proto/log_catalog.hpp"
#include "tests/fuzz/readers.hpp"
#include "tests/fuzz/target.hpp"

const std::string_view fuzz_name = "segment";

std::vector<std::string> fuzz_corpus() { return of::fuzz::good_segments(); }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto path = std::filesystem::temp_directory_path() / ("segment-fuzz-" + std::to_string(getpid()));
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    of::fuzz::read_all(path);
    std::filesystem::remove(path);
    of::LogRecord record{};
    std::memcpy(static_cast<void*>(&record), data, std::min(size, sizeof record));
    of::render(record);
    return 0;
}
