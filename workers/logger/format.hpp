// A log record as a line: text for people, JSON for programs. LOG.md is the page. Pure.
#pragma once

#include <string>

#include "proto/log_catalog.hpp"

namespace of::logger {

enum class LineFormat : uint8_t { text, json };

/// "2026-11-23T17:05:01.123456Z"
std::string wall_text(int64_t wall_ns);

/// Appends the line of a record, with its newline. `position` is the record's in its ring.
void append_line(std::string& to, LineFormat format, const LogRecord& record, uint64_t position);

/// Appends `text` as a JSON string, quotes included; bytes that are no UTF-8 become U+FFFD.
void append_json_text(std::string& to, std::string_view text);

}  // namespace of::logger
