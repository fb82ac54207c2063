// The log file: whole batches appended with one write(2), rotated by size.
//
// orderflow.log -> orderflow.log.1 -> ... -> orderflow.log.<keep>, the oldest removed. A line that a killed
// predecessor left unfinished is ended with a newline. On a full disk append() says so and nothing is lost:
// the caller tries again.
#pragma once

#include <string>

#include "shm/error.hpp"

namespace of::logger {

struct FileSettings {
    std::string folder;
    uint64_t rotate_bytes = 64 << 20;
    int64_t keep_files = 8;
};

class FileSink {
  public:
    explicit FileSink(const FileSettings& settings) : settings_(settings) {}
    FileSink(const FileSink&) = delete;
    ~FileSink();

    Expected<void> open();
    /// Appends all of `lines`, or nothing of it.
    Expected<void> append(std::string_view lines);
    /// To disk: called for batches that hold an error.
    void sync() const;
    /// True once if append() has just begun a new file.
    bool rotated();
    std::string path() const { return settings_.folder + "/orderflow.log"; }

  private:
    Expected<void> open_file();
    Expected<void> rotate();
    Expected<void> end_partial_line();

    FileSettings settings_;
    int descriptor_ = -1;
    uint64_t bytes_ = 0;
    bool rotated_ = false;
};

}  // namespace of::logger
