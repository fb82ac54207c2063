#include "supervisor/autopsy/facts.hpp"

#include <algorithm>
#include <charconv>

namespace of::autopsy {

void Facts::add(std::string_view key, std::string_view value) {
    auto& row = rows_.emplace_back(key, value);
    std::ranges::replace(row.second, '\n', ' ');
}

void Facts::set(std::string_view key, std::string_view value) {
    for (auto& [name, known] : rows_)
        if (name == key) return static_cast<void>(known = value);
    add(key, value);
}

std::string_view Facts::get(std::string_view key) const {
    const auto found = std::ranges::find(rows_, key, [](const auto& row) -> std::string_view { return row.first; });
    return found == rows_.end() ? std::string_view() : found->second;
}

int64_t Facts::number(std::string_view key, int64_t otherwise) const {
    const auto text = get(key);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : otherwise;
}

std::vector<std::string_view> Facts::all(std::string_view key) const {
    std::vector<std::string_view> values;
    for (const auto& [name, value] : rows_)
        if (name == key) values.push_back(value);
    return values;
}

std::string Facts::text() const {
    std::string text;
    for (const auto& [key, value] : rows_) text += fmt::format("{}: {}\n", key, value);
    return text;
}

Facts Facts::parse(std::string_view text) {
    Facts facts;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const auto colon = line.find(": ");
        if (colon != std::string_view::npos && colon > 0) facts.add(line.substr(0, colon), line.substr(colon + 2));
    }
    return facts;
}

}  // namespace of::autopsy
