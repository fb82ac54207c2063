// A log record as a line: text for people, JSON for programs. LOG.md is the page. Pure.
#pragma once

#include <string>

#include "proto/log_catalog.hpp"

namespace of::logger {

enum class LineFormat : uint8_t { text, json };

/// Appends the line of a record, with its newline. `position` is the record's in its ring.
void append_line(std::string& to, LineFormat format, const LogRecord& record, uint64_t position);

}  // namespace of::logger
