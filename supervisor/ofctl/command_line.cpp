#include "supervisor/ofctl/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ranges>

#include "supervisor/ofctl/help_text.hpp"
#include "supervisor/ofctl/plugin.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

/// Whether the word after `argument` is its value: an option of every verb, written without "=".
bool takes_next(const std::string& argument) {
    return std::ranges::any_of(everywhere(), [&](const OptionRow& row) {
        const std::string_view names(row.names);
        const bool is_short = names.starts_with("-") && names.find(',') == 2 && argument == names.substr(0, 2);
        return !row.flag() && (is_short || argument == row.long_name());
    });
}

/// The option's bounds, or those of its type: no number below 0 where none can be, and none that is no number.
CLI::Validator range_of(const OptionRow& row) {
    const bool bounded = row.most > 0;
    if (std::holds_alternative<double Options::*>(row.target)) {
        const auto check = [row, bounded](const std::string& text) {
            double value = 0;
            const bool read = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
            if (read && (!bounded || (row.least <= value && value <= row.most))) return std::string();
            return bounded ? fmt::format("{} is not from {} to {}", text, row.least, row.most)
                           : fmt::format("{} is no number", text);
        };
        return CLI::Validator(check, "");
    }
    const auto least = std::holds_alternative<uint64_t Options::*>(row.target) ? int64_t{0} : INT64_MIN;
    if (!bounded) return CLI::Range(least, INT64_MAX);
    return CLI::Range(static_cast<int64_t>(row.least), static_cast<int64_t>(row.most));
}

bool is_number(const OptionRow& row) {
    return std::holds_alternative<uint64_t Options::*>(row.target) ||
           std::holds_alternative<int64_t Options::*>(row.target) ||
           std::holds_alternative<double Options::*>(row.target);
}

void add_row(CLI::App& app, const OptionRow& row, Options& options) {
    auto* option = std::visit(
        [&](auto member) {
            if constexpr (std::is_same_v<decltype(member), bool Options::*>)
                return app.add_flag(row.names, options.*member, row.help);
            else
                return app.add_option(row.names, options.*member, row.help);
        },
        row.target);
    if (row.one_of.size() > 0)
        option->check(CLI::IsMember(std::vector<std::string>(row.one_of.begin(), row.one_of.end())));
    if (is_number(row)) option->check(range_of(row));
    if (row.count == Count::one) option->required()->expected(1);
    if (row.count == Count::at_most_one) option->expected(0, 1);
    if (row.count == Count::at_least_one) option->required();
}

int misuse(const std::string& why) {
    complain(why);
    return code(ExitCode::usage);
}

Format format_of(const Options& options, const Verb& verb) {
    constexpr std::string_view names[] = {"table", "wide", "json", "ndjson", "name", "prom"};
    const auto named = std::ranges::find(names, options.output);
    if (named != std::end(names)) return static_cast<Format>(named - names);
    if (options.as_json) return Format::json;
    if (options.prometheus) return Format::prom;
    return options.wide && verb.has(Format::wide) ? Format::wide : Format::table;
}

/// Makes of what was typed what the verbs read; what is wrong with it, or "".
std::string settle(Options& options, const Verb& verb) {
    options.source = {options.folder, options.instance};
    options.headers = !options.no_headers;
    options.format = format_of(options, verb);
    options.json = options.format == Format::json || options.format == Format::ndjson || options.format == Format::name;
    options.wide = options.wide || options.format == Format::wide;
    options.prometheus = options.format == Format::prom;
    if (options.dry_run) options.wait = false;
    if (!verb.has(options.format))
        return fmt::format("ofctl {} has no output \"{}\"; it has {}", verb.name,
                           options.as_json ? "json" : options.output, formats_of(verb));
    if (verb.workers != Workers::not_asked && options.all && !options.names.empty())
        return "either names of workers, or --all";
    if (verb.workers == Workers::named_or_all && !options.all && options.names.empty())
        return fmt::format("which workers? ofctl {} WORKER..., or --all", verb.name);
    return "";
}

int run_verb(const Verb& verb, Options& options) {
    if (const auto wrong = settle(options, verb); !wrong.empty()) return misuse(wrong);
    set_colour(options.colour);
    set_quiet(options.quiet);
    const bool needed =
        verb.needs == Needs::instance || (verb.needs == Needs::instance_unless_named && options.names.empty());
    if (needed || verb.needs == Needs::instance_if_clear) {
        auto instance = choose_instance(options.source.instance, options.source.folder);
        if (!instance && needed) return refuse(options, instance.error());
        options.source.instance = instance.value_or("");
    }
    const int result = verb.run(options);
    flush_output();
    return result;
}

int without_verb(const FoundVerb& found, const Options& options) {
    if (found.group.empty() && !found.unknown.empty()) become_plugin(found.unknown, found.behind, options);
    if (!found.unknown.empty())
        return misuse(fmt::format("there is no verb \"{}{}{}\" (ofctl --help lists them)", found.group,
                                  found.group.empty() ? "" : " ", found.unknown));
    if (!found.group.empty())
        return misuse(fmt::format("say what to do with {} (ofctl help {} explains)", found.group, found.group));
    return misuse("say what to do, such as status (ofctl --help explains)");
}

}  // namespace

int guarded(const std::function<int()>& work) {
    try {
        return work();
    } catch (const std::exception& error) {
        complain(fmt::format("internal error, which is a fault of ofctl {}: {}", OF_VERSION, error.what()));
        return code(ExitCode::internal);
    }
}

FoundVerb find_verb_in(const std::vector<std::string>& arguments) {
    FoundVerb found;
    for (size_t i = 0; i < arguments.size(); ++i) {
        const auto& word = arguments[i];
        const bool decided = found.verb != nullptr;
        if (!found.unknown.empty()) {
            found.behind.push_back(word);
        } else if (decided || word.starts_with("-")) {
            found.rest.push_back(word);
            if (!decided && takes_next(word) && i + 1 < arguments.size()) found.rest.push_back(arguments[++i]);
        } else if (found.group.empty() && is_group(word)) {
            found.group = word;
        } else {
            found.verb = find_verb(found.group.empty() ? word : found.group + " " + word);
            if (found.verb == nullptr) found.unknown = word;
        }
    }
    return found;
}

namespace {

int run_unguarded(const std::vector<std::string>& arguments) {
    auto found = find_verb_in(arguments);
    Options options;
    CLI::App app;
    app.name(found.verb == nullptr ? "ofctl" : fmt::format("ofctl {}", found.verb->name));
    app.set_version_flag("--version", OF_VERSION);
    for (const auto& row : everywhere()) add_row(app, row, options);
    if (found.verb != nullptr) {
        for (const auto* row : rows_of(*found.verb)) add_row(app, *row, options);
    }
    try {
        app.parse(std::vector<std::string>(found.rest.rbegin(), found.rest.rend()));
    } catch (const CLI::CallForHelp&) {
        put(found.verb != nullptr ? help_of(*found.verb) : overview(found.group));
        flush_output();
        return code(ExitCode::ok);
    } catch (const CLI::ParseError& error) {  // an unknown option is told before a missing verb
        return app.exit(error) == 0 ? code(ExitCode::ok) : code(ExitCode::usage);
    }
    return found.verb == nullptr ? without_verb(found, options) : run_verb(*found.verb, options);
}

}  // namespace

int run(const std::vector<std::string>& arguments) {
    return guarded([&] { return run_unguarded(arguments); });
}

}  // namespace of::ofctl
