#include "proto/settings.hpp"

#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include "proto/settings_syntax.hpp"
#include "proto/toml.hpp"

namespace of::settings {
namespace {

using namespace words;

constexpr size_t file_bytes_max = 1 << 20;
constexpr size_t keys_listed_max = 12;
constexpr size_t problems_max = 100;

/// As it stands in the file: `5`, `"many"`, `a list`.
std::string found_in(const toml::node& node) {
    if (const auto* text = node.as_string()) return in_quotes(text->get());
    if (const auto* integer = node.as_integer()) return std::to_string(integer->get());
    if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
    if (const auto* number = node.as_floating_point()) {
        std::array<char, 32> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number->get()).ptr;
        const std::string text(digits.data(), end);
        return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
    }
    if (node.is_array()) return "a list";
    return node.is_table() ? "a section" : "a date or time";
}

/// How to set the commonest mix-ups of types right.
std::string hint_for(const Key& key, const toml::node& node) {
    const auto* text = node.as_string();
    const bool quotes_too_many = text != nullptr && key.kind != Kind::text && key.kind != Kind::text_list;
    if (quotes_too_many && !text->get().empty()) {
        try {
            const auto bare = toml::parse("value = " + text->get());
            const auto* value = bare.get("value");
            const bool fits = key.kind == Kind::boolean
                                  ? value->is_boolean()
                                  : value->is_integer() || (key.kind == Kind::number && value->is_number());
            if (fits) return "; write it without quotes";
        } catch (const toml::parse_error&) {
            return "";  // not the right thing in quotes, but the wrong thing
        }
    }
    if (key.kind == Kind::text && (node.is_number() || node.is_boolean())) return "; write it in quotes";
    if (key.kind == Kind::text_list && text != nullptr) return "; write [" + found_in(node) + "]";
    return "";
}

[[noreturn]] void programmer_error(std::string_view what, std::string_view name) {
    std::fprintf(stderr, "settings: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
                 static_cast<int>(name.size()), name.data());
    std::abort();
}

template <typename T, typename Map>
const T& get(const Map& values, std::string_view key) {
    const auto found = values.find(key);
    if (found == values.end()) programmer_error("no such key in this section's table", key);
    const auto* value = std::get_if<T>(&found->second);
    if (value == nullptr) programmer_error("this key is of another kind", key);
    return *value;
}

void sort_and_bound(std::vector<Problem>& problems) {
    std::ranges::stable_sort(problems, {},
                             [](const Problem& problem) { return std::pair(problem.line, problem.column); });
    if (problems.size() <= problems_max) return;
    const auto more = std::to_string(problems.size() - problems_max);
    problems.resize(problems_max);
    problems.push_back({problems.back().line, problems.back().column, "and " + more + " more problems"});
}

std::string system_reason(int error) { return std::error_code(error, std::generic_category()).message(); }

}  // namespace

std::variant<std::string, Problem> read_text(const std::string& path) {
    const auto refuse = [](const std::string& why) { return Problem{0, 0, "cannot read the file: " + why}; };
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (status.type() == std::filesystem::file_type::directory) return refuse("it is a directory");
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
        return refuse("it is not a regular file");
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen(path.c_str(), "rbe"), +[](std::FILE* open) { return std::fclose(open); });
    if (file == nullptr) return refuse(system_reason(errno));
    std::string text;
    std::array<char, 8192> piece;
    for (size_t taken = 1; taken > 0 && text.size() <= file_bytes_max;) {
        taken = std::fread(piece.data(), 1, piece.size(), file.get());
        text.append(piece.data(), taken);
    }
    if (std::ferror(file.get()) != 0) return refuse(system_reason(errno));
    if (text.size() > file_bytes_max)
        return refuse("it is larger than 1 MiB (" + std::to_string(file_bytes_max) + " bytes)");
    return text;
}

// ---- sections, keys and values

struct Loader {
    std::span<const Section> owned;
    std::span<const std::string_view> foreign;
    Loaded result;

    void add(const toml::source_region& source, std::string message) {
        result.problems.push_back({source.begin.line, source.begin.column, std::move(message)});
    }

    const Section* owned_section(std::string_view name) const {
        const auto found = std::ranges::find(owned, name, &Section::name);
        return found == owned.end() ? nullptr : &*found;
    }
    static bool is_or_holds(std::string_view path, std::string_view name) {
        return name.starts_with(path) && (name.size() == path.size() || name[path.size()] == '.');
    }
    bool leads_to_owned(std::string_view path) const {
        return std::ranges::any_of(owned, [&](const Section& section) { return is_or_holds(path, section.name); });
    }
    bool belongs_elsewhere(std::string_view path) const {
        return std::ranges::any_of(foreign,
                                   [&](std::string_view name) { return name == "*" || is_or_holds(path, name); });
    }
    std::vector<std::string_view> section_names() const {
        std::vector<std::string_view> names;
        for (const auto& section : owned) names.push_back(section.name);
        for (const auto name : foreign) names.push_back(name);
        return names;
    }
    /// The owned section that has such a key, when exactly one has.
    std::string home_of(std::string_view key) const {
        std::string home;
        for (const auto& section : owned) {
            if (std::ranges::find(section.keys, key, &Key::name) == section.keys.end()) continue;
            if (!home.empty()) return "";
            home = section.name;
        }
        return home;
    }

    void check_names(const toml::table& table, const std::string& path) {
        for (auto&& [key, node] : table) check_name(key, node, path);
    }

    void check_name(const toml::key& key, const toml::node& node, const std::string& path) {
        const auto full = (path.empty() ? "" : path + ".") + std::string(key.str());
        if (leads_to_owned(full)) {
            if (const auto* table = node.as_table()) return check_names(*table, full);
            const bool repeated =
                node.is_array() && !node.as_array()->empty() && node.as_array()->is_homogeneous(toml::node_type::table);
            const auto found = repeated ? "[" + in_brackets(full) + "]; use single brackets, once" : found_in(node);
            return add(node.source(), in_brackets(full) + " must be a section, found " + found);
        }
        const auto* section = owned_section(path);
        if (section != nullptr && std::ranges::find(section->keys, key.str(), &Key::name) != section->keys.end())
            return;
        if (section == nullptr && belongs_elsewhere(full)) return;
        const auto* table = node.as_table();
        if (table != nullptr && !table->is_inline()) return add(node.source(), unknown_section(full));
        if (path.empty()) return add(key.source(), outside_message(key.str()));
        add(key.source(), unknown_key(key.str(), path, section));
    }

    std::string unknown_section(const std::string& name) const {
        const auto names = section_names();
        const auto near = did_you_mean(name, names, '[', ']');
        return "unknown section " + in_brackets(name) + (near.empty() ? "; there are " + join(names, "[", "]") : near);
    }
    std::string outside_message(std::string_view key) const {
        const auto home = home_of(key);
        const auto names = section_names();
        const auto advice =
            home.empty() ? "; put it under one of " + join(names, "[", "]") : "; it belongs in [" + home + "]";
        return "key " + in_quotes(key) + " stands outside any section" + advice;
    }
    std::string unknown_key(std::string_view key, const std::string& path, const Section* section) const {
        const auto message = "unknown key " + in_quotes(key) + " in " + in_brackets(path);
        std::vector<std::string_view> names;
        if (section != nullptr) std::ranges::transform(section->keys, std::back_inserter(names), &Key::name);
        const auto home = home_of(key);
        if (!home.empty()) return message + "; it belongs in [" + home + "]";
        const auto near = did_you_mean(key, names, '"', '"');
        const bool few = !names.empty() && names.size() <= keys_listed_max;
        return message + (near.empty() && few ? "; it has " + join(names, "", "") : near);
    }

    void read_section(const toml::table& root, const Section& section) {
        const toml::table* table = &root;
        for (const auto part : split(section.name, '.'))
            table = table == nullptr ? nullptr : table->get_as<toml::table>(part);
        auto& values = result.sections[std::string(section.name)].values_;
        for (const auto& key : section.keys) {
            const auto* node = table == nullptr ? nullptr : table->get(key.name);
            if (node == nullptr && key.required) add_missing(section, key, table);
            auto value = node == nullptr ? std::nullopt : read(section, key, *node);
            values[std::string(key.name)] = value ? std::move(*value) : fallback_of(section, key);
        }
        for (const auto& key : section.keys) check_not_below(section, key, table);
    }

    /// At the key itself, or at the section where only the other key stands in the file.
    void check_not_below(const Section& section, const Key& key, const toml::table* table) {
        if (key.not_below.empty() || table == nullptr) return;
        const auto& values = result.sections[std::string(section.name)];
        const auto value = values.integer(key.name);
        const auto least = values.integer(key.not_below);
        if (value >= least) return;
        const auto* node = table->get(key.name);
        const auto* other = table->get(key.not_below);
        add(node != nullptr    ? node->source()
            : other != nullptr ? other->source()
                               : table->source(),
            "[" + std::string(section.name) + "] " + std::string(key.name) + " must not be below " +
                std::string(key.not_below) + ", which is " + std::to_string(least) + ", found " +
                std::to_string(value));
    }

    void add_missing(const Section& section, const Key& key, const toml::table* table) {
        const auto what = in_quotes(key.name) + ", " + expected_of(key) + " (" + std::string(key.help) + ")";
        if (table == nullptr)
            return add({}, "section [" + std::string(section.name) + "] is missing; it must have " + what);
        add(table->source(), "[" + std::string(section.name) + "] must have " + what);
    }

    std::optional<Values::Value> read(const Section& section, const Key& key, const toml::node& node) {
        const auto where = "[" + std::string(section.name) + "] " + std::string(key.name) + " ";
        if (key.kind == Kind::text_list && node.is_array()) return read_list(where, key, *node.as_array());
        if (const auto* text = node.as_string(); text != nullptr && key.kind == Kind::text) {
            const auto objection = objection_to(key, text->get());
            if (objection.empty()) return text->get();
            add(node.source(), where + objection);
            return {};
        }
        if (const auto* truth = node.as_boolean(); truth != nullptr && key.kind == Kind::boolean) return truth->get();
        if (auto number = read_number(key, node)) return number;
        add(node.source(), where + "must be " + expected_of(key) + ", found " + found_in(node) + hint_for(key, node));
        return {};
    }

    /// A number of the right kind within its bounds.
    static std::optional<Values::Value> read_number(const Key& key, const toml::node& node) {
        const auto* integer = node.as_integer();
        if (key.kind == Kind::integer && integer != nullptr && integer->get() >= key.min && integer->get() <= key.max &&
            (!key.power_of_two || std::has_single_bit(static_cast<uint64_t>(integer->get()))))
            return integer->get();
        if (key.kind != Kind::number || !node.is_number()) return {};
        const auto number = node.value<double>().value_or(NAN);
        const bool fits =
            std::isfinite(number) && number >= static_cast<double>(key.min) && number <= static_cast<double>(key.max);
        return fits ? std::optional<Values::Value>(number) : std::nullopt;
    }

    std::optional<Values::Value> read_list(const std::string& where, const Key& key, const toml::array& array) {
        std::vector<std::string> texts;
        const auto problems_before = result.problems.size();
        const auto length = static_cast<int64_t>(array.size());
        if (length < key.min || length > key.max) {
            add(array.source(), where + "must be " + expected_of(key) + ", found " + std::to_string(length));
        }
        for (const auto& node : array) {
            const auto element = where + "element " + std::to_string(texts.size() + 1) + " ";
            texts.push_back(node.value<std::string>().value_or(""));
            const auto first = std::ranges::find(texts, texts.back()) - texts.begin();
            const auto objection =
                !node.is_string()
                    ? "must be a text, found " + found_in(node) + (node.is_number() ? "; write it in quotes" : "")
                : static_cast<size_t>(first) + 1 < texts.size() ? "repeats " + in_quotes(texts.back())
                                                                : objection_to(key, texts.back());
            if (!objection.empty()) add(node.source(), element + objection);
        }
        if (result.problems.size() != problems_before) return {};
        return texts;
    }

    /// The row's own fallback; a required key that is missing gets the empty value of its kind.
    static Values::Value fallback_of(const Section& section, const Key& key) {
        constexpr std::string_view empty_values[] = {"\"\"", "0", "0.0", "false", "[]"};
        const auto written = key.required ? empty_values[static_cast<size_t>(key.kind)] : key.fallback;
        Key unbounded = key;
        unbounded.min = std::numeric_limits<int64_t>::min();
        unbounded.max = std::numeric_limits<int64_t>::max();
        unbounded.choices = {};
        unbounded.expects = nullptr;
        std::optional<Values::Value> value;
        try {
            const auto table = toml::parse("value = " + std::string(written));
            value = Loader{}.read(section, unbounded, *table.get("value"));
        } catch (const toml::parse_error&) {
            value.reset();
        }
        if (!value) programmer_error("this key's fallback has not the key's own kind", key.name);
        return *std::move(value);
    }
};

std::string_view Values::text(std::string_view key) const { return get<std::string>(values_, key); }
int64_t Values::integer(std::string_view key) const { return get<int64_t>(values_, key); }
double Values::number(std::string_view key) const { return get<double>(values_, key); }
bool Values::boolean(std::string_view key) const { return get<bool>(values_, key); }
const std::vector<std::string>& Values::text_list(std::string_view key) const {
    return get<std::vector<std::string>>(values_, key);
}

Loaded parse(std::string_view toml, const std::string& path, std::span<const Section> owned,
             std::span<const std::string_view> foreign) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (toml.starts_with(byte_order_mark)) toml.remove_prefix(byte_order_mark.size());
    Loader loader{owned, foreign, {}};
    auto broken = syntax::encoding_problem(toml);
    if (!broken) broken = syntax::depth_problem(toml);
    toml::table root;
    try {
        if (!broken) root = toml::parse(toml, path);
    } catch (const toml::parse_error& error) {
        const auto at = error.source().begin;
        broken = syntax::explain(toml, error.description(), at.line, at.column);
    }
    loader.check_names(root, "");
    for (const auto& section : owned) loader.read_section(root, section);
    // What is missing from a text that could not be read says nothing.
    if (broken) loader.result.problems.assign(1, std::move(*broken));
    sort_and_bound(loader.result.problems);
    return std::move(loader.result);
}

Loaded load(const std::string& path, std::span<const Section> owned, std::span<const std::string_view> foreign) {
    return load(-1, path, owned, foreign);
}

Loaded load(int descriptor, const std::string& path, std::span<const Section> owned,
            std::span<const std::string_view> foreign) {
    auto text = read_text(descriptor < 0 ? path : "/proc/self/fd/" + std::to_string(descriptor));
    if (const auto* bytes = std::get_if<std::string>(&text)) return parse(*bytes, path, owned, foreign);
    auto loaded = parse("", path, owned, foreign);
    loaded.problems.assign(1, std::get<Problem>(std::move(text)));
    return loaded;
}

std::string render(const std::string& path, std::span<const Problem> problems) {
    std::string text;
    for (const auto& problem : problems) {
        text += path + ":";
        if (problem.line != 0) text += std::to_string(problem.line) + ":" + std::to_string(problem.column) + ":";
        text += " " + problem.message + "\n";
    }
    return text;
}

std::string_view suggest(std::string_view word, std::span<const std::string_view> candidates) {
    return words::nearest(word, candidates);
}

std::string describe(const Section& section) { return words::description_of(section); }

}  // namespace of::settings
