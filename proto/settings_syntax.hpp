// What keeps a settings file from being read at all, in plain words: bytes that are no UTF-8, and text that
// is no TOML.
//
// Pure functions over the file's text. Included by settings.cpp only, which passes on what toml++ said.
#pragma once

#include <optional>
#include <utility>

#include "proto/settings_words.hpp"

namespace of::settings::syntax {

using namespace words;

inline constexpr int64_t dots_in_line_max = 100;

struct Line {
    std::string_view section;
    std::string_view key;  ///< empty for a section's header
    std::string_view value;
    bool operator==(const Line& other) const { return section == other.section && key == other.key; }
};

/// Each line as a section's key and value, read without grammar: only to word messages about a file that has
/// none.
inline std::vector<Line> lines_of(std::string_view toml) {
    std::vector<Line> lines;
    std::string_view section;
    for (const auto whole : split(toml, '\n')) {
        const auto text = trimmed(whole);
        const auto equals = text.find('=');
        if (text.starts_with('[') && text.find(']') != std::string_view::npos) {
            section = trimmed(text.substr(0, text.find(']')));
            section.remove_prefix(std::min(section.find_first_not_of("[ "), section.size()));
            lines.push_back({section, {}, {}});
        } else if (equals == std::string_view::npos || text.starts_with('#')) {
            lines.push_back({"#", text, {}});
        } else {
            const auto value = text.substr(equals + 1);
            lines.push_back({section, trimmed(text.substr(0, equals)), trimmed(value.substr(0, value.find('#')))});
        }
    }
    return lines;
}

/// `name` was defined again on line `at` (from 0): says where it stood first, if that can be told.
inline std::string twice_message(const std::vector<Line>& lines, size_t at, std::string_view name) {
    const auto line = at < lines.size() ? lines[at] : Line{};
    const auto whole = line.key.empty() ? line.section : line.key;
    if (!whole.ends_with(name)) return in_quotes(name) + " is given twice";
    const auto first = static_cast<size_t>(std::ranges::find(lines, line) - lines.begin());
    const auto in_section = line.section.empty() ? "" : " in " + in_brackets(line.section);
    const auto what = line.key.empty() ? "section " + in_brackets(line.section) : in_quotes(line.key) + in_section;
    return what + " is given twice" + (first < at ? "; first on line " + std::to_string(first + 1) : "");
}

/// A bare word where a value belongs is the commonest mistake, and the grammar's own words for it the least
/// helpful.
inline std::string bare_word_message(const Line& line) {
    constexpr std::array truths{"yes", "no", "on", "off", "True", "False", "TRUE", "FALSE"};
    if (line.value.empty() || std::string_view("\"'[{").find(line.value[0]) != std::string_view::npos) return "";
    if (line.value.find("\u201c") != std::string_view::npos || line.value.find("\u201d") != std::string_view::npos) {
        return "typographic quotes do not make a text; write straight ones: \"";
    }
    const auto message = in_quotes(line.value) + " is not a TOML value; ";
    if (std::ranges::find(truths, line.value) != truths.end()) return message + "write true or false";
    if (std::string_view("+-.0123456789").find(line.value[0]) != std::string_view::npos) {
        return message + "a number stands alone, and a text needs quotes";
    }
    return message + "a text needs quotes: " + std::string(line.key) + " = " + in_quotes(line.value);
}

/// toml++ names the grammar rule that failed; these name the mistake.
inline constexpr std::pair<std::string_view, std::string_view> plain_words[] = {
    {"literal string: control characters", "a text must end on its line: the closing ' is missing"},
    {"string: unescaped control characters",
     "a text may hold no line break or control character: is the closing \" missing?"},
    {"string: encountered end-of-file", "the text is not closed: a quote is missing"},
    {"array: encountered end-of-file", "the list is not closed: ] is missing"},
    {"table header: expected ']'", "the section's name is not closed: ] is missing"},
    {"table header: encountered end-of-file", "the section's name is not closed: ] is missing"},
    {"table header: tables with blank", "a section must have a name: [NAME]"},
    {"expected value, saw '\\n'", "the value after = is missing"},
    {"expected value, saw '\\r", "the value after = is missing"},
    {"expected '='", "a key must be followed by = and a value"},
    {"key-value pair: encountered end-of-file", "a key must be followed by = and a value"},
    {"array: expected comma", "the list needs a comma between elements, or its closing ]"},
    {"not representable in 64 bits", "the number does not fit 64 bits"},
    {"unknown escape sequence",
     "unknown escape in a text in \"quotes\"; write \\\\ for a backslash, or use 'single quotes'"},
    {"expected a comment or whitespace", "nothing but a comment may follow on this line"},
    {"could not determine value type", "this is not a TOML value; a text needs quotes"},
    {"boolean: ", "this is not a TOML value; a text needs quotes"},
    {"expected 'nan'", "this is not a TOML value; a text needs quotes"},
    {"expected 'inf'", "this is not a TOML value; a text needs quotes"},
    {"exceeded maximum nested value depth", "lists are nested too deep"},
};

/// Characters before `at` on its line of `toml`, plus one.
inline uint32_t column_of(std::string_view toml, const char* at) {
    const auto before = toml.substr(0, static_cast<size_t>(at - toml.data()));
    const auto line = before.substr(before.rfind('\n') + 1);
    return 1 + static_cast<uint32_t>(std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; }));
}

/// What toml++ said about `line` and `column`, in plain words and where the mistake begins.
inline Problem explain(std::string_view toml, std::string_view description, uint32_t line, uint32_t column) {
    const auto says = [&](std::string_view words) { return description.find(words) != std::string_view::npos; };
    const auto lines = lines_of(toml);
    const auto here = line - 1 < lines.size() ? lines[line - 1] : Line{};
    const auto name = description.substr(std::min(description.find('\'') + 1, description.size()));
    if (says("redefine existing") && name.size() > 1 && name.find('\'') != std::string_view::npos) {
        const auto message = twice_message(lines, line - 1, name.substr(0, name.find('\'')));
        const bool whole_line = !here.key.empty() && message.starts_with(in_quotes(here.key));
        return {line, whole_line ? column_of(toml, here.key.data()) : column, message};
    }
    if (here.section != "#" && !here.key.empty() && here.value.empty())
        return {line, column, "the value after = is missing"};
    constexpr std::array in_value{
        "value:", "integer:", "floating-point:", "boolean:", "time:", "date:", "comment or whitespace"};
    if (std::ranges::any_of(in_value, says) && !says("64 bits")) {
        const auto message = bare_word_message(here);
        if (!message.empty()) return {line, column_of(toml, here.value.data()), message};
    }
    for (const auto& [needle, words] : plain_words) {
        if (says(needle)) return {line, column, std::string(words)};
    }
    constexpr std::string_view prefix = "Error while parsing ";
    if (description.starts_with(prefix)) description.remove_prefix(prefix.size());
    return {line, column, "not valid TOML: " + std::string(description)};
}

inline size_t utf8_bytes(std::string_view text) {
    const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const auto follows = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const auto first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf && follows(1)) return 2;
    const bool three = first >= 0xe0 && first <= 0xef && follows(1) && follows(2);
    if (three && !(first == 0xe0 && byte(1) < 0xa0) && !(first == 0xed && byte(1) > 0x9f)) return 3;
    const bool four = first >= 0xf0 && first <= 0xf4 && follows(1) && follows(2) && follows(3);
    if (four && !(first == 0xf0 && byte(1) < 0x90) && !(first == 0xf4 && byte(1) > 0x8f)) return 4;
    return 0;
}

/// A key of very many parts makes a tree too deep for the stack of whoever walks it.
inline std::optional<Problem> depth_problem(std::string_view text) {
    uint32_t number = 0;
    for (const auto line : split(text, '\n')) {
        ++number;
        if (std::ranges::count(line, '.') <= dots_in_line_max || trimmed(line).starts_with('#')) continue;
        return Problem{
            number, 1,
            "more than " + std::to_string(dots_in_line_max) + " dots on one line; keys are not nested so deep"};
    }
    return {};
}

/// What keeps the text from being read at all: bytes that are no UTF-8, or NUL.
inline std::optional<Problem> encoding_problem(std::string_view text) {
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        return Problem{1, 1, "the file is in UTF-16; save it as UTF-8"};
    uint32_t line = 1;
    uint32_t column = 1;
    for (size_t i = 0; i < text.size();) {
        const auto bytes = utf8_bytes(text.substr(i));
        if (text[i] == '\0') return Problem{line, column, "the file holds a NUL byte; it must be plain text"};
        if (bytes == 0) {
            std::array<char, 8> hex{};
            std::snprintf(hex.data(), hex.size(), "0x%02x", static_cast<unsigned>(static_cast<unsigned char>(text[i])));
            return Problem{line, column, "byte "s + hex.data() + " is not UTF-8; save the file as UTF-8"};
        }
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n' ? 1 : 0;
        i += bytes;
    }
    return {};
}

}  // namespace of::settings::syntax
