// The lines of the supervisor's audit file (supervisor/audit_file.hpp), as they are and as they come; the older file
// first.
#pragma once

#include <sys/types.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace of::ofctl {

/// Follows a file that is replaced when it has become large. Owned by one verb.
class AuditReader {
  public:
    explicit AuditReader(std::string path) : path_(std::move(path)) {}
    /// Whole lines that have come since the last call; at first all there are.
    std::vector<std::string> take_new();

  private:
    void take_rest(std::vector<std::string>& lines);
    void open();
    std::string path_;
    std::ifstream file_;
    ino_t inode_ = 0;
    std::string begun_;  ///< of a line whose end has not come yet
    bool first_ = true;
};

/// Which lines are asked for: an answer is about the worker that its command was about, which may be older than
/// `since`.
class AuditFilter {
  public:
    /// `since` as the lines have it, or ""; `worker` that a command is about, or "" for all.
    AuditFilter(std::string since, std::string worker) : since_(std::move(since)), worker_(std::move(worker)) {}
    bool takes(const std::string& line);

  private:
    std::string since_;
    std::string worker_;
    std::set<std::string> commands_;  ///< correlation IDs of those about the worker that are yet to be answered
};

}  // namespace of::ofctl
