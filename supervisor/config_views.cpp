#include "supervisor/config_views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

#include "proto/settings_rows.hpp"
#include "proto/text.hpp"
#include "supervisor/config_sections.hpp"
#include "supervisor/reload_plan.hpp"

namespace of::supervisor {
namespace {

/// All sections of the file, and who owns them.
struct Schema {
    std::vector<settings::Section> sections;
    std::vector<std::string> owners;  ///< of each section: its program
    std::vector<std::unique_ptr<settings::ToldSections>> told;
};

void add(Schema& schema, std::span<const settings::Section> owned, const std::string& owner) {
    for (const auto& section : owned) {
        schema.sections.push_back(section);
        schema.owners.push_back(owner);
    }
}

Expected<Schema> whole_schema(const Config& config) {
    Schema schema;
    add(schema, config_sections(), "ofsupervisor");
    for (const auto& [kind, worker] : config.workers) {
        const auto lines = worker_program(config, kind).and_then([](const std::string& program) {
            return ask_worker(program, {"--describe-config"});
        });
        if (!lines) return tl::make_unexpected(lines.error());
        schema.told.push_back(std::make_unique<settings::ToldSections>(*lines));
        add(schema, schema.told.back()->sections(), fmt::format("of-{}", name_of(kind)));
    }
    return schema;
}

int complain(const Error& error) {
    fmt::print(stderr, "ofsupervisor: {}\n", error.message);
    return code(error.kind == ErrorKind::invalid ? ExitCode::usage : ExitCode::no_resources);
}

/// The text of a file, or of the descriptor that stands for it.
Expected<std::string> text_of_file(const std::string& path, int descriptor) {
    const auto read = settings::read_text(descriptor < 0 ? path : fmt::format("/proc/self/fd/{}", descriptor));
    if (const auto* text = std::get_if<std::string>(&read)) return *text;
    return fail(ErrorKind::invalid, fmt::format("{}: {}", path, std::get<settings::Problem>(read).message));
}

/// Refuses a text with mistakes, each of which is told.
Expected<CheckedConfig> sound_config(const std::string& path, int descriptor) {
    auto checked = read_config(path, descriptor);
    const auto problems = check_whole_file(checked, descriptor);
    if (!problems) return tl::make_unexpected(problems.error());
    if (problems->empty()) return checked;
    auto told = settings::render(path, *problems);
    told.pop_back();
    return fail(ErrorKind::invalid, told);
}

std::string origin_of(const settings::Standing& standing, const std::string& file) {
    return standing.line == 0 ? "default" : fmt::format("{}:{}", file, standing.line);
}

void show_text(const Schema& schema, const settings::Standings& standings, const ViewOptions& options) {
    constexpr size_t value_columns = 44;
    const auto file = std::filesystem::path(options.path).filename().string();
    bool first = true;
    for (const auto& section : schema.sections) {
        bool titled = false;
        for (const auto& key : section.keys) {
            const auto standing = standings.of(section, key);
            if (options.only_set && standing.line == 0) continue;
            if (!std::exchange(titled, true))
                fmt::print("{}[{}]\n", std::exchange(first, false) ? "" : "\n", section.name);
            const auto assignment = fmt::format("{} = {}", key.name, standing.value);
            const bool open = key.required && standing.line == 0;
            fmt::print("{:<{}} # {}\n", open ? fmt::format("# {} is missing", key.name) : printable_text(assignment),
                       value_columns, origin_of(standing, file));
        }
    }
}

void show_json(const Schema& schema, const settings::Standings& standings, const ViewOptions& options) {
    fmt::print("{{\"version\":1,\"kind\":\"config show\",\"file\":{},\"keys\":[", json_text(options.path));
    bool first = true;
    for (const auto& section : schema.sections) {
        for (const auto& key : section.keys) {
            const auto standing = standings.of(section, key);
            if (options.only_set && standing.line == 0) continue;
            fmt::print("{}{{\"section\":{},\"key\":{},\"value\":{},\"origin\":\"{}\",\"line\":{}}}",
                       std::exchange(first, false) ? "" : ",", json_text(section.name), json_text(key.name),
                       standing.value.empty() ? "null" : standing.value, standing.line == 0 ? "default" : "file",
                       standing.line);
        }
    }
    fmt::print("]}}\n");
}

struct Change {
    std::string key;
    std::string before;
    std::string after;
};

std::vector<Change> changes_between(const Schema& schema, const std::string& before, const std::string& after) {
    const settings::Standings was(before);
    const settings::Standings is(after);
    std::vector<Change> changes;
    for (const auto& section : schema.sections) {
        for (const auto& key : section.keys) {
            auto then = was.of(section, key).value;
            auto now = is.of(section, key).value;
            if (then != now)
                changes.push_back({fmt::format("{}.{}", section.name, key.name), std::move(then), std::move(now)});
        }
    }
    return changes;
}

/// "restarted", "unchanged", or "refused" for all.
std::vector<std::pair<std::string, std::string>> outcomes_of(const ReloadPlan& plan, const Config& config) {
    std::vector<std::pair<std::string, std::string>> outcomes;
    outcomes.emplace_back("supervisor", !plan.fixed.empty() ? "refused" : plan.at_once ? "at once" : "unchanged");
    for (const auto& [kind, worker] : config.workers)
        outcomes.emplace_back(name_of(kind), !plan.fixed.empty()        ? "refused"
                                             : plan.restarts_kind(kind) ? "restarted"
                                                                        : "unchanged");
    return outcomes;
}

void diff_json(const ViewOptions& options, const std::vector<Change>& changes, const ReloadPlan& plan,
               const Config& config) {
    fmt::print("{{\"version\":1,\"kind\":\"config diff\",\"file\":{},\"changed\":[", json_text(options.path));
    for (size_t i = 0; i < changes.size(); ++i)
        fmt::print("{}{{\"key\":{},\"running\":{},\"file\":{}}}", i == 0 ? "" : ",", json_text(changes[i].key),
                   changes[i].before, changes[i].after);
    fmt::print("],\"refused_for\":{},\"reload\":{{", plan.fixed.empty() ? "null" : json_text(plan.fixed));
    bool first = true;
    for (const auto& [process, outcome] : outcomes_of(plan, config))
        fmt::print("{}{}:{}", std::exchange(first, false) ? "" : ",", json_text(process), json_text(outcome));
    fmt::print("}}}}\n");
}

void diff_text(const ViewOptions& options, const std::vector<Change>& changes, const ReloadPlan& plan,
               const Config& config) {
    if (changes.empty()) return fmt::print("{}: as it is in force\n", options.path);
    for (const auto& [key, before, after] : changes)
        fmt::print("{}\n  - {}\n  + {}\n", key, printable_text(before), printable_text(after));
    if (!plan.fixed.empty())
        return fmt::print("\na reload would be refused: [{}] needs a stop and a start\n", plan.fixed);
    fmt::print("\na reload would mean:\n");
    for (const auto& [process, outcome] : outcomes_of(plan, config)) fmt::print("  {:<14} {}\n", process, outcome);
}

bool is_meant(const settings::Section& section, const settings::Key& key, std::string_view words) {
    return words == section.name || words == key.name || words == fmt::format("{}.{}", section.name, key.name);
}

void explain(const settings::Section& section, const settings::Key& key, const std::string& owner) {
    fmt::print("{}.{}\n", section.name, key.name);
    if (!key.help.empty()) fmt::print("  {}\n", key.help);
    fmt::print("  value    {}\n", settings::expected_text(key));
    if (!key.not_below.empty()) fmt::print("           not below {}\n", key.not_below);
    fmt::print("  default  {}\n", key.required ? "none: it must stand in the file" : key.fallback);
    fmt::print("  read by  {}\n", owner);
}

/// "; did you mean ...?", or nothing.
std::string suggestion(const Schema& schema, std::string_view words) {
    std::vector<std::string> names;
    for (const auto& section : schema.sections) {
        names.emplace_back(section.name);
        for (const auto& key : section.keys) {
            names.emplace_back(key.name);
            names.push_back(fmt::format("{}.{}", section.name, key.name));
        }
    }
    const std::vector<std::string_view> views(names.begin(), names.end());
    const auto near = settings::suggest(words, views);
    return near.empty() ? "" : fmt::format("; did you mean {}?", near);
}

}  // namespace

int show_config(const ViewOptions& options) {
    const auto text = text_of_file(options.path, options.text);
    if (!text) return complain(text.error());
    const auto checked = sound_config(options.path, options.text);
    if (!checked) return complain(checked.error());
    const auto schema = whole_schema(checked->config);
    if (!schema) return complain(schema.error());
    const settings::Standings standings(*text);
    options.json ? show_json(*schema, standings, options) : show_text(*schema, standings, options);
    return code(ExitCode::ok);
}

int diff_config(const ViewOptions& options) {
    const auto before = text_of_file(options.path, options.text);
    const auto after = text_of_file(options.path, -1);
    if (!before || !after) return complain(before ? after.error() : before.error());
    const auto next = sound_config(options.path, -1);
    if (!next) return complain(next.error());
    const auto running = read_config(options.path, options.text);
    const auto schema = whole_schema(next->config);
    if (!schema) return complain(schema.error());
    const auto changes = changes_between(*schema, *before, *after);
    const auto plan = plan_reload(settings::changed_sections(*before, *after), running.config, next->config);
    options.json ? diff_json(options, changes, plan, next->config) : diff_text(options, changes, plan, next->config);
    return code(plan.fixed.empty() ? ExitCode::ok : ExitCode::failed);
}

int config_schema(const ViewOptions& options) {
    const auto schema = whole_schema(read_config(options.path, options.text).config);
    if (!schema) return complain(schema.error());
    if (options.json) {
        fmt::print("{}\n", settings::json_schema(schema->sections));
        return code(ExitCode::ok);
    }
    for (size_t i = 0; i < schema->sections.size(); ++i)
        fmt::print("{}{}", i == 0 ? "" : "\n", settings::describe(schema->sections[i]));
    return code(ExitCode::ok);
}

int explain_config(const ViewOptions& options) {
    const auto schema = whole_schema(read_config(options.path, options.text).config);
    if (!schema) return complain(schema.error());
    bool any = false;
    std::map<std::string_view, std::vector<settings::Key>> found;
    for (size_t i = 0; i < schema->sections.size(); ++i) {
        for (const auto& key : schema->sections[i].keys) {
            if (!is_meant(schema->sections[i], key, options.key)) continue;
            if (options.json) {
                found[schema->sections[i].name].push_back(key);
            } else {
                if (any) fmt::print("\n");
                explain(schema->sections[i], key, schema->owners[i]);
            }
            any = true;
        }
    }
    std::vector<settings::Section> sections;
    for (const auto& [name, keys] : found) sections.push_back({name, keys});
    if (any && options.json) fmt::print("{}\n", settings::json_schema(sections));
    if (any) return code(ExitCode::ok);
    fmt::print(stderr, "ofsupervisor: there is no key or section {}{}\n", printable_text(options.key),
               suggestion(*schema, options.key));
    return code(ExitCode::not_found);
}

}  // namespace of::supervisor
