// Exact decimals: int64 at a scale of 1e-8, from the exchange's text to the disk and the browser and back.
//
// Binance prints prices and quantities as plain decimal text and keeps them as int64 at 1e-8 itself (its largest
// limit is floor(2^63 / 1e8)). Nothing is rounded: text that does not fit is refused. Pure; any thread or process.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace of {

/// A price or quantity in units of 1e-8.
using e8_t = int64_t;

inline constexpr e8_t e8_one = 100'000'000;
inline constexpr int e8_digits = 8;

/// Parses "61837.63000000", "100", "0.001". Refused (nothing returned): empty text, a sign, an exponent, spaces, a
/// point without digits on both sides, a non-zero ninth fraction digit, and anything above int64.
constexpr std::optional<e8_t> parse_e8(std::string_view text) {
    constexpr uint64_t limit = static_cast<uint64_t>(std::numeric_limits<e8_t>::max());
    uint64_t value = 0;
    size_t at = 0;
    const auto is_digit = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
    const auto append = [&](uint64_t digit) {
        if (value > (limit - digit) / 10) return false;
        value = value * 10 + digit;
        return true;
    };
    if (!is_digit(0)) return {};
    for (; is_digit(at); ++at) {
        if (!append(static_cast<uint64_t>(text[at] - '0'))) return {};
    }
    int fraction = 0;
    if (at < text.size()) {
        if (text[at] != '.' || !is_digit(at + 1)) return {};
        for (++at; is_digit(at); ++at) {
            if (fraction == e8_digits) {
                if (text[at] != '0') return {};
                continue;
            }
            if (!append(static_cast<uint64_t>(text[at] - '0'))) return {};
            ++fraction;
        }
        if (at != text.size()) return {};
    }
    for (; fraction < e8_digits; ++fraction) {
        if (!append(0)) return {};
    }
    return static_cast<e8_t>(value);
}

/// Prints with all eight fraction digits, as the exchange does: "61837.63000000". Negative sums carry a sign.
inline std::string format_e8(e8_t value) {
    std::array<char, 32> buffer{};
    size_t at = buffer.size();
    uint64_t rest = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
    for (int digit = 0; rest != 0 || digit <= e8_digits; ++digit) {
        if (digit == e8_digits) buffer[--at] = '.';
        buffer[--at] = static_cast<char>('0' + rest % 10);
        rest /= 10;
    }
    if (value < 0) buffer[--at] = '-';
    return {buffer.data() + at, buffer.size() - at};
}

}  // namespace of
