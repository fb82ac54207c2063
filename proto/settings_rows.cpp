#include "proto/settings_rows.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

#include "proto/settings_words.hpp"
#include "proto/text.hpp"
#include "proto/toml.hpp"

namespace of::settings {
namespace {

constexpr std::array<std::string_view, 5> kind_names{"text", "integer", "number", "boolean", "list"};
constexpr size_t columns = 9;
constexpr auto least_of_all = std::numeric_limits<int64_t>::min();
constexpr auto most_of_all = std::numeric_limits<int64_t>::max();

std::string bound_text(int64_t bound) {
    return bound == least_of_all || bound == most_of_all ? "" : std::to_string(bound);
}

int64_t bound_of(std::string_view text, int64_t none) {
    int64_t bound = none;
    std::from_chars(text.data(), text.data() + text.size(), bound);
    return bound;
}

/// Unlike words::split(), an empty last part counts.
std::vector<std::string_view> cells_of(std::string_view line) {
    std::vector<std::string_view> cells;
    for (;;) {
        const auto end = line.find('\t');
        cells.push_back(line.substr(0, end));
        if (end == std::string_view::npos) return cells;
        line.remove_prefix(end + 1);
    }
}

std::string written(const toml::node& node) {
    if (const auto* text = node.as_string()) return json_text(text->get());
    if (const auto* list = node.as_array()) {
        std::string out;
        for (const auto& element : *list) out.append(out.empty() ? "" : ", ").append(written(element));
        return "[" + out + "]";
    }
    std::ostringstream out;
    node.visit([&out](const auto& value) { out << value; });
    return out.str();
}

void collect(const toml::table& table, const std::string& path, std::map<std::string, Standing, std::less<>>& into) {
    for (auto&& [key, node] : table) {
        const auto name = path.empty() ? std::string(key.str()) : path + "." + std::string(key.str());
        const auto* inner = node.as_table();
        if (inner != nullptr && !inner->is_inline()) {
            collect(*inner, name, into);
        } else {
            into[name] = {written(node), node.source().begin.line};
        }
    }
}

/// A section and those in it, for the schema.
struct Branch {
    std::map<std::string, Branch> branches;
    const Section* section = nullptr;
};

std::string schema_of(const Key& key) {
    constexpr std::array<std::string_view, 5> types{"string", "integer", "number", "boolean", "array"};
    const bool list = key.kind == Kind::text_list;
    std::string text = "{\"type\":\"" + std::string(types[static_cast<size_t>(key.kind)]) + "\"";
    const auto expected = words::expected_of(key);
    text += ",\"description\":" + json_text(std::string(key.help) + (expected == "a text" ? "" : "; " + expected));
    if (!key.required) text += ",\"default\":" + std::string(key.fallback);
    const std::string_view suffix = list ? "Items" : key.kind == Kind::text ? "Length" : "imum";
    if (key.min != least_of_all) text += ",\"min" + std::string(suffix) + "\":" + std::to_string(key.min);
    if (key.max != most_of_all) text += ",\"max" + std::string(suffix) + "\":" + std::to_string(key.max);
    std::string choices;
    for (const auto choice : words::split(key.choices, '|'))
        choices.append(choices.empty() ? "" : ",").append(json_text(choice));
    const auto one_of = choices.empty() ? std::string() : ",\"enum\":[" + choices + "]";
    if (list) text += ",\"uniqueItems\":true,\"items\":{\"type\":\"string\"" + one_of + "}";
    return text + (list ? "" : one_of) + "}";
}

std::string schema_of(const Branch& branch) {
    std::string properties;
    std::string required;
    const auto add = [&](std::string_view name, const std::string& schema) {
        properties.append(properties.empty() ? "" : ",").append(json_text(name)).append(":").append(schema);
    };
    if (branch.section != nullptr) {
        for (const auto& key : branch.section->keys) {
            add(key.name, schema_of(key));
            if (key.required) required.append(required.empty() ? "" : ",").append(json_text(key.name));
        }
    }
    for (const auto& [name, inner] : branch.branches) add(name, schema_of(inner));
    return "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" + properties + "}" +
           (required.empty() ? "" : ",\"required\":[" + required + "]") + "}";
}

}  // namespace

std::string_view name_of(Kind kind) {
    const auto index = static_cast<size_t>(kind);
    return index < kind_names.size() ? kind_names[index] : "unknown";
}

std::string to_lines(std::span<const Section> sections) {
    std::string text;
    for (const auto& section : sections) {
        for (const auto& key : section.keys) {
            const std::string flags = std::string(key.required ? "required " : "") +
                                      (key.power_of_two ? "power_of_two " : "") + std::string(key.not_below);
            const std::string cells[columns] = {std::string(section.name),
                                                std::string(key.name),
                                                std::string(name_of(key.kind)),
                                                std::string(key.fallback),
                                                bound_text(key.min),
                                                bound_text(key.max),
                                                std::string(key.choices),
                                                flags,
                                                std::string(key.help)};
            for (size_t i = 0; i < columns; ++i) text.append(i == 0 ? "" : "\t").append(cells[i]);
            text += '\n';
        }
    }
    return text;
}

ToldSections::ToldSections(std::string_view lines) {
    const auto keep = [this](std::string_view text) -> std::string_view { return texts_.emplace_back(text); };
    for (const auto line : words::split(lines, '\n')) {
        const auto cells = cells_of(line);
        const auto kind = cells.size() < columns ? kind_names.end() : std::ranges::find(kind_names, cells[2]);
        if (kind == kind_names.end()) continue;
        if (sections_.empty() || sections_.back().name != cells[0]) {
            keys_.emplace_back();
            sections_.push_back({keep(cells[0]), {}});
        }
        Key key{.name = keep(cells[1]),
                .kind = static_cast<Kind>(kind - kind_names.begin()),
                .fallback = keep(cells[3]),
                .help = keep(cells[8])};
        key.min = bound_of(cells[4], least_of_all);
        key.max = bound_of(cells[5], most_of_all);
        key.choices = keep(cells[6]);
        key.required = cells[7].find("required ") != std::string_view::npos;
        key.power_of_two = cells[7].find("power_of_two ") != std::string_view::npos;
        keys_.back().push_back(key);
        sections_.back().keys = keys_.back();
    }
}

Standings::Standings(std::string_view toml) {
    try {
        collect(toml::parse(toml), "", found_);
    } catch (const toml::parse_error&) {
        found_.clear();
    }
}

Standing Standings::of(const Section& section, const Key& key) const {
    const auto found = found_.find(std::string(section.name) + "." + std::string(key.name));
    return found == found_.end() ? Standing{std::string(key.fallback), 0} : found->second;
}

std::string expected_text(const Key& key) { return words::expected_of(key); }

std::string json_schema(std::span<const Section> sections) {
    Branch root;
    for (const auto& section : sections) {
        auto* branch = &root;
        for (const auto part : words::split(section.name, '.')) branch = &branch->branches[std::string(part)];
        branch->section = &section;
    }
    const auto body = schema_of(root);
    return "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"orderflow.toml\"," +
           body.substr(1);
}

}  // namespace of::settings
