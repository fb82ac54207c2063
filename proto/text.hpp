// Values as text for people and for programs: JSON strings, times of day.
//
// Pure; not for the data path.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace of {

/// Appends a JSON string, quotes included. Bytes that are no UTF-8 become U+FFFD, so the result always is.
void append_json_text(std::string& to, std::string_view text);
std::string json_text(std::string_view text);

/// For a terminal: control characters, which could command it, and bytes that are no UTF-8 become "\x1b".
std::string printable_text(std::string_view text);

/// A wall clock's ns as "2024-08-08T23:54:15.343000Z"; "-" for none (0 or less).
std::string wall_text(int64_t wall_ns);

}  // namespace of
