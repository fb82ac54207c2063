// <state_dir>/audit.log: who asked the supervisor for what, and what came of it. Outlives the log's rings and the
// logger.
//
// One JSON object a line, appended by one write each: {"ts", "correlation", "uid", "pid", "program", "request"} before
// it is done, and {"ts", "correlation", "answer"} after. At audit_bytes_max the file becomes audit.log.1, and a new one
// is begun. A file that cannot be written (disk full) stops no command: the log has it as well.
#pragma once

#include <string>

#include "supervisor/control_server.hpp"

namespace of::supervisor {

inline constexpr int64_t audit_bytes_max = 4 << 20;

class AuditFile {
  public:
    explicit AuditFile(const std::string& state_dir) : path_(state_dir + "/audit.log") {}
    void asked(const std::string& correlation, const Peer& peer, const std::string& request) const;
    void answered(const std::string& correlation, const std::string& answer) const;

  private:
    void append(const std::string& line) const;
    std::string path_;
};

}  // namespace of::supervisor
