#include "workers/logger/format.hpp"

#include <fmt/format.h>

#include <iterator>

#include "proto/text.hpp"

namespace of::logger {
namespace {

constexpr std::string_view upper(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return "DEBUG";
        case LogLevel::info:
            return "INFO ";
        case LogLevel::warn:
            return "WARN ";
        case LogLevel::error:
            return "ERROR";
    }
    return "?????";
}

/// One record is one line, whatever its texts hold.
void append_single_line(std::string& to, std::string_view text) {
    for (const char c : text) to += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
}

}  // namespace

void append_line(std::string& to, LineFormat format, const LogRecord& record, uint64_t position) {
    const auto worker = name_of(ProcessId::unpack(record.header.origin));
    const auto message = render(record);
    const auto correlation = to_string(record.header.correlation);
    if (format == LineFormat::text) {
        fmt::format_to(std::back_inserter(to), "{} {} {:<13} ", wall_text(record.wall_ns), upper(record.level), worker);
        append_single_line(to, message);
        fmt::format_to(std::back_inserter(to), "  [{}]\n", correlation);
        return;
    }
    fmt::format_to(std::back_inserter(to), R"({{"ts":"{}","level":"{}","worker":"{}","event":"{}","message":)",
                   wall_text(record.wall_ns), name_of(record.level), worker, sentence(record.id).name);
    append_json_text(to, message);
    fmt::format_to(std::back_inserter(to), R"(,"correlation":"{}","position":{}}})", correlation, position);
    to += '\n';
}

}  // namespace of::logger
