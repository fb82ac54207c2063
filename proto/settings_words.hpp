// Wording for settings.cpp: quoting, what a key expects, and suggestions. Pure functions over texts, no TOML.
//
// Included by settings.cpp and settings_syntax.hpp only; others call what settings.hpp declares.
#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/settings.hpp"

namespace of::settings::words {

using namespace std::string_literals;

inline constexpr size_t quoted_bytes_max = 60;
inline constexpr size_t describe_columns = 100;
inline constexpr size_t describe_entry_max = 44;

/// In quotes, on one line, and short enough for a message.
inline std::string in_quotes(std::string_view text) {
    const bool cut = text.size() > quoted_bytes_max;
    if (cut) {
        size_t end = quoted_bytes_max;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
        text = text.substr(0, end);
    }
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        std::array<char, 8> escape{};
        if (byte < 0x20 || byte == 0x7f) {
            std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(byte));
            out += escape.data();
        } else {
            out += c == '"' || c == '\\' ? "\\"s + c : std::string(1, c);
        }
    }
    return out + (cut ? "...\"" : "\"");
}

/// A section's name in its brackets, safe to print.
inline std::string in_brackets(std::string_view name) {
    const auto safe = in_quotes(name);
    return "[" + safe.substr(1, safe.size() - 2) + "]";
}

inline std::string join(std::span<const std::string_view> words, std::string_view before, std::string_view after) {
    std::string out;
    for (const auto word : words) out.append(out.empty() ? "" : ", ").append(before).append(word).append(after);
    return out;
}

inline std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto end = std::min(text.find(separator), text.size());
        parts.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

inline std::string_view trimmed(std::string_view text) {
    const auto from = text.find_first_not_of(" \t\r");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other.
inline size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<size_t> before_last(to.size() + 1);
    std::vector<size_t> last(to.size() + 1);
    std::vector<size_t> row(to.size() + 1);
    for (size_t j = 0; j <= to.size(); ++j) last[j] = j;
    for (size_t i = 1; i <= from.size(); ++i) {
        row[0] = i;
        for (size_t j = 1; j <= to.size(); ++j) {
            row[j] = std::min({row[j - 1] + 1, last[j] + 1, last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1)});
            const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
            if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
        before_last = std::exchange(last, row);
    }
    return last[to.size()];
}

/// The candidate that `word` was probably meant to be, or "".
inline std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    // Case and '-' for '_' are slips, not other words.
    const auto plain = [](char c) {
        return c == '-' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    std::string typed(word);
    std::ranges::transform(typed, typed.begin(), plain);
    std::string_view nearest;
    size_t least = (word.size() >= 8 ? 3 : 2) + 1;
    for (const auto candidate : candidates) {
        std::string name(candidate);
        std::ranges::transform(name, name.begin(), plain);
        const auto distance = edit_distance(typed, name);
        if (distance >= least || distance >= std::min(typed.size(), name.size())) continue;
        least = distance;
        nearest = candidate;
    }
    return nearest;
}

inline std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates, char open,
                                char close) {
    const auto close_word = nearest(word, candidates);
    return close_word.empty() ? "" : "; did you mean "s + open + std::string(close_word) + close + "?";
}

/// " from 1 to 9", " of at least 1", " of at most 9", or nothing.
inline std::string bounds_of(const Key& key) {
    const bool low = key.min != std::numeric_limits<int64_t>::min();
    const bool high = key.max != std::numeric_limits<int64_t>::max();
    if (low && high) return " from " + std::to_string(key.min) + " to " + std::to_string(key.max);
    if (low) return " of at least " + std::to_string(key.min);
    return high ? " of at most " + std::to_string(key.max) : "";
}

/// How many characters or elements: "3", "1 to 9", "at least 1", "at most 9", or nothing.
inline std::string length_of(const Key& key) {
    const bool low = key.min > 0;
    const bool high = key.max != std::numeric_limits<int64_t>::max();
    if (low && high && key.min == key.max) return std::to_string(key.min);
    if (low && high) return std::to_string(key.min) + " to " + std::to_string(key.max);
    if (low) return "at least " + std::to_string(key.min);
    return high ? "at most " + std::to_string(key.max) : "";
}

inline std::string choices_of(const Key& key) { return join(split(key.choices, '|'), "\"", "\""); }

/// What belongs there: "a whole number from 1 to 9".
inline std::string expected_of(const Key& key) {
    const auto length = length_of(key);
    switch (key.kind) {
        case Kind::integer:
            return (key.power_of_two ? "a power of two" : "a whole number") + bounds_of(key);
        case Kind::number:
            return "a number" + bounds_of(key);
        case Kind::boolean:
            return "true or false";
        case Kind::text:
            if (!key.choices.empty()) return "one of " + choices_of(key);
            return length.empty() ? "a text" : "a text of " + length + " characters";
        case Kind::text_list:
            return (length.empty() ? "a list of texts" : "a list of " + length + (length == "1" ? " text" : " texts")) +
                   (key.choices.empty() ? "" : ", each one of " + choices_of(key));
    }
    return {};
}

/// What is wrong with one text, "must be ..., found ...", or "".
inline std::string objection_to(const Key& key, const std::string& text) {
    const auto choices = split(key.choices, '|');
    const auto found = ", found " + in_quotes(text);
    if (!choices.empty() && std::ranges::find(choices, text) == choices.end()) {
        return "must be one of " + choices_of(key) + found + did_you_mean(text, choices, '"', '"');
    }
    if (text.find('\0') != std::string::npos) return "must not contain a NUL character" + found;
    const auto length = static_cast<int64_t>(text.size());
    if (key.kind == Kind::text && (length < key.min || length > key.max)) return "must be " + expected_of(key) + found;
    const auto expected = key.expects == nullptr ? std::string{} : key.expects(text);
    return expected.empty() ? "" : "must be " + expected + found;
}

inline std::string description_of(const Section& section) {
    const auto entry = [](const Key& key) {
        return "  " + std::string(key.name) + (key.required ? " (required)" : " = " + std::string(key.fallback));
    };
    size_t column = 0;
    for (const auto& key : section.keys) column = std::max(column, std::min(entry(key).size() + 2, describe_entry_max));
    std::string text = "[" + std::string(section.name) + "]\n";
    for (const auto& key : section.keys) {
        auto line = entry(key);
        if (line.size() + 2 > column) {
            text += line + "\n";
            line.clear();
        }
        const auto expected = expected_of(key);
        const auto sentence = std::string(key.help) + (expected == "a text" ? "" : "; " + expected);
        for (const auto word : split(sentence, ' ')) {
            if (line.size() + 1 + word.size() > describe_columns) {
                text += line + "\n";
                line.clear();
            }
            if (line.size() < column) line.resize(column - 1, ' ');
            line.append(" ").append(word);
        }
        text += line + "\n";
    }
    return text;
}

}  // namespace of::settings::words
