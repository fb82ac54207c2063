#include <algorithm>
#include <set>

#include "proto/settings.hpp"
#include "proto/toml.hpp"

namespace of::settings {
namespace {

using Tables = std::map<std::string, toml::table>;

/// Each table under its dotted name, without the tables in it.
void flatten(const toml::table& table, const std::string& path, Tables& tables) {
    toml::table own;
    for (auto&& [key, node] : table) {
        const auto* inner = node.as_table();
        if (inner != nullptr && !inner->is_inline()) {
            flatten(*inner, (path.empty() ? "" : path + ".") + std::string(key.str()), tables);
        } else {
            own.insert(key, node);
        }
    }
    if (!path.empty() && !own.empty()) tables[path] = std::move(own);
}

Tables tables_of(std::string_view text) {
    Tables tables;
    try {
        flatten(toml::parse(text), "", tables);
    } catch (const toml::parse_error&) {
        return {};
    }
    return tables;
}

}  // namespace

std::vector<std::string> changed_sections(std::string_view before, std::string_view after) {
    const auto old_tables = tables_of(before);
    const auto new_tables = tables_of(after);
    std::set<std::string> names;
    for (const auto& [name, table] : old_tables) names.insert(name);
    for (const auto& [name, table] : new_tables) names.insert(name);
    std::vector<std::string> changed;
    for (const auto& name : names) {
        const auto was = old_tables.find(name);
        const auto is = new_tables.find(name);
        const bool same = was != old_tables.end() && is != new_tables.end() && was->second == is->second;
        if (!same) changed.push_back(name);
    }
    return changed;
}

}  // namespace of::settings
