#include "proto/text.hpp"

#include <array>
#include <ctime>

namespace of {
namespace {

constexpr std::string_view hex = "0123456789abcdef";

/// Length of the UTF-8 sequence that begins `text`, or 0.
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

}  // namespace

void append_json_text(std::string& to, std::string_view text) {
    to += '"';
    while (!text.empty()) {
        const auto byte = static_cast<unsigned char>(text[0]);
        const auto length = utf8_length(text);
        if (byte == '"' || byte == '\\') {
            to.append({'\\', text[0]});
        } else if (byte < 0x20) {
            to.append("\\u00").append({hex[byte >> 4], hex[byte & 15]});
        } else if (length == 0) {
            to += "\xef\xbf\xbd";
        } else {
            to += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    to += '"';
}

std::string json_text(std::string_view text) {
    std::string quoted;
    append_json_text(quoted, text);
    return quoted;
}

std::string printable_text(std::string_view text) {
    std::string shown;
    while (!text.empty()) {
        const auto byte = static_cast<unsigned char>(text[0]);
        const auto length = utf8_length(text);
        // U+0080 to U+009F are control characters as well.
        const bool second_set = length == 2 && byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
        if (length == 0 || second_set || byte < 0x20 || byte == 0x7f) {
            shown.append("\\x").append({hex[byte >> 4], hex[byte & 15]});
            text.remove_prefix(1);
        } else {
            shown += text.substr(0, length);
            text.remove_prefix(length);
        }
    }
    return shown;
}

std::string wall_text(int64_t wall_ns) {
    if (wall_ns <= 0) return "-";
    const time_t seconds = wall_ns / 1'000'000'000;
    tm civil{};
    gmtime_r(&seconds, &civil);
    std::array<char, 64> text{};
    const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &civil);
    const auto micros = std::to_string(1'000'000 + wall_ns % 1'000'000'000 / 1000).substr(1);
    return std::string(text.data(), length) + micros + "Z";
}

}  // namespace of
