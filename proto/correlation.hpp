// Correlation IDs: 64 bits that follow a piece of work from where it enters the system to each of its consequences.
//
//   63..56 origin (packed ProcessId) | 55..40 incarnation of that process | 39..0 counter
//
// Made by CorrelationSource where work enters (a frame read, a client's request, a timer, an operator's command) and
// then only copied. Printed as "binance-3-00000a1b2c". 0 means none. The counter starts at 1 in each incarnation.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/types.hpp"

namespace of {

struct CorrelationId {
    uint64_t value = 0;

    static constexpr uint64_t counter_mask = (uint64_t{1} << 40) - 1;

    static constexpr CorrelationId make(ProcessId origin, uint16_t incarnation, uint64_t counter) {
        return {uint64_t{origin.packed()} << 56 | uint64_t{incarnation} << 40 | (counter & counter_mask)};
    }
    constexpr ProcessId origin() const { return ProcessId::unpack(static_cast<uint8_t>(value >> 56)); }
    constexpr uint16_t incarnation() const { return static_cast<uint16_t>(value >> 40); }
    constexpr uint64_t counter() const { return value & counter_mask; }
    constexpr explicit operator bool() const { return value != 0; }
    friend constexpr bool operator==(CorrelationId, CorrelationId) = default;
};

/// Gives out the IDs of one process. Owned by one thread.
class CorrelationSource {
  public:
    CorrelationSource(ProcessId origin, uint16_t incarnation) : origin_(origin), incarnation_(incarnation) {}
    CorrelationId next() { return CorrelationId::make(origin_, incarnation_, ++counter_); }

  private:
    ProcessId origin_;
    uint16_t incarnation_;
    uint64_t counter_ = 0;
};

/// "binance-3-00000a1b2c"; "-" for none.
inline std::string to_string(CorrelationId id) {
    if (!id) return "-";
    constexpr std::string_view hex = "0123456789abcdef";
    std::string text = name_of(id.origin()) + "-" + std::to_string(id.incarnation()) + "-";
    for (int shift = 36; shift >= 0; shift -= 4) text += hex[(id.counter() >> shift) & 0xf];
    return text;
}

/// The inverse of to_string; nothing for any other text.
inline std::optional<CorrelationId> parse_correlation(std::string_view text) {
    const auto last = text.rfind('-');
    if (last == std::string_view::npos || last == 0 || text.size() - last - 1 != 10) return {};
    const auto middle = text.rfind('-', last - 1);
    if (middle == std::string_view::npos) return {};
    const auto origin = parse_process(text.substr(0, middle));
    const auto incarnation_text = text.substr(middle + 1, last - middle - 1);
    const auto counter_text = text.substr(last + 1);
    uint16_t incarnation = 0;
    uint64_t counter = 0;
    const auto read = [](std::string_view digits, auto& number, int base) {
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
        return error == std::errc{} && end == digits.data() + digits.size();
    };
    if (!origin || !read(incarnation_text, incarnation, 10) || !read(counter_text, counter, 16)) return {};
    return CorrelationId::make(*origin, incarnation, counter);
}

}  // namespace of
