// What is known of a death, as text: one "key: value" a line, keys may come again. The supervisor hands its part to
// of-autopsy, which adds its own and puts the whole into the bundle; ofctl reads it there. Pure.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace of::autopsy {

class Facts {
  public:
    /// Line breaks in a value become spaces.
    void add(std::string_view key, std::string_view value);
    template <typename Number>
    requires std::is_arithmetic_v<Number>
    void add(std::string_view key, Number value) { add(key, fmt::format("{}", value)); }
    /// In place of what was known by that key.
    void set(std::string_view key, std::string_view value);
    /// "" for a fact that is not known.
    std::string_view get(std::string_view key) const;
    /// `otherwise` for a fact that is not known, or is no number.
    int64_t number(std::string_view key, int64_t otherwise = 0) const;
    std::vector<std::string_view> all(std::string_view key) const;
    const std::vector<std::pair<std::string, std::string>>& rows() const { return rows_; }

    std::string text() const;
    /// Lines that are no facts are left out.
    static Facts parse(std::string_view text);

  private:
    std::vector<std::pair<std::string, std::string>> rows_;
};

}  // namespace of::autopsy
