#include "workers/logger/format.hpp"

#include <fmt/format.h>

#include <ctime>
#include <iterator>

namespace of::logger {
namespace {

/// Length of the well-formed UTF-8 sequence that begins `text`, or 0.
size_t utf8_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const size_t length = lead < 0x80                   ? 1
                          : lead >= 0xc2 && lead < 0xe0 ? 2
                          : lead >= 0xe0 && lead < 0xf0 ? 3
                          : lead >= 0xf0 && lead < 0xf5 ? 4
                                                        : 0;
    if (length == 0 || length > text.size()) return 0;
    for (size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
    }
    return length;
}

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

std::string wall_text(int64_t wall_ns) {
    const time_t seconds = wall_ns / 1'000'000'000;
    tm civil{};
    gmtime_r(&seconds, &civil);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", civil.tm_year + 1900, civil.tm_mon + 1,
                       civil.tm_mday, civil.tm_hour, civil.tm_min, civil.tm_sec, wall_ns % 1'000'000'000 / 1000);
}

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

void append_json_text(std::string& to, std::string_view text) {
    to += '"';
    while (!text.empty()) {
        const auto c = static_cast<unsigned char>(text[0]);
        const auto length = utf8_length(text);
        if (c == '"' || c == '\\') {
            to += '\\';
            to += text[0];
        } else if (c < 0x20) {
            fmt::format_to(std::back_inserter(to), "\\u{:04x}", c);
        } else if (length == 0) {
            to += "\xef\xbf\xbd";
        } else {
            to += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    to += '"';
}

}  // namespace of::logger
