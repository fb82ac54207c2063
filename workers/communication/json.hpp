// JSON text, appended to a string that its owner reuses: numbers exact, decimals as text with eight digits, names
// escaped.
//
// Nothing here allocates once the string has its size.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

#include "proto/correlation.hpp"
#include "proto/decimal.hpp"
#include "proto/text.hpp"

namespace of::communication {

inline void append_number(std::string& out, std::integral auto number) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

/// "61602.01000000", quotes included.
inline void append_e8(std::string& out, e8_t value) {
    out += '"';
    if (value < 0) out += '-';
    const auto magnitude = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
    append_number(out, magnitude / e8_one);
    out += '.';
    auto fraction = magnitude % e8_one;
    std::array<char, e8_digits> digits;
    for (size_t i = digits.size(); i-- > 0; fraction /= 10) digits[i] = static_cast<char>('0' + fraction % 10);
    out.append(digits.data(), digits.size());
    out += '"';
}

/// As to_string(CorrelationId), quotes included.
inline void append_correlation(std::string& out, CorrelationId id) {
    constexpr std::string_view hex = "0123456789abcdef";
    if (!id) {
        out += "\"-\"";
        return;
    }
    out += '"';
    out += name_of(id.origin().kind);
    if (id.origin().index != 0) {
        out += '.';
        append_number(out, id.origin().index);
    }
    out += '-';
    append_number(out, id.incarnation());
    out += '-';
    for (int shift = 36; shift >= 0; shift -= 4) out += hex[id.counter() >> shift & 0xf];
    out += '"';
}

/// A comma before every element but the first.
class Separator {
  public:
    void operator()(std::string& out) {
        if (!first_) out += ',';
        first_ = false;
    }

  private:
    bool first_ = true;
};

}  // namespace of::communication
