#include "supervisor/ofctl/help_text.hpp"

#include <fmt/format.h>

#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

constexpr size_t columns = 80;
constexpr size_t left_column = 26;

/// Words in lines of at most 80 columns, each begun by `indent` spaces; the first line is thought to be begun already.
std::string wrapped(std::string_view text, size_t indent) {
    std::string out;
    size_t at = indent;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(" \n"), text.size());
        const auto word = text.substr(0, end);
        if (at != indent && at + word.size() + 1 > columns) {
            out += "\n" + std::string(indent, ' ');
            at = indent;
        }
        if (at != indent) out += ' ';
        out += word;
        at += word.size() + (at == indent ? 0 : 1);
        text.remove_prefix(std::min(text.size(), end + 1));
    }
    return out + "\n";
}

std::string paragraphs(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto end = std::min(text.find("\n\n"), text.size());
        out += (out.empty() ? "" : "\n") + wrapped(text.substr(0, end), 0);
        text.remove_prefix(std::min(text.size(), end + 2));
    }
    return out;
}

/// A term and its meaning beside it, or below it when it is long.
std::string entry(const std::string& term, std::string_view meaning) {
    const bool beside = term.size() + 4 <= left_column;
    return fmt::format("  {:<{}}{}{}", term, beside ? left_column - 2 : 0,
                       beside ? "" : "\n" + std::string(left_column, ' '), wrapped(meaning, left_column));
}

std::string section(std::string_view title) { return fmt::format("\n{}:\n", title); }

std::string options_text(std::span<const OptionRow* const> rows) {
    std::string text;
    for (const auto* row : rows) {
        std::string choices;
        for (const auto* choice : row->one_of) choices += (choices.empty() ? " (" : ", ") + std::string(choice);
        text += entry(spelling_of(*row), row->help + (choices.empty() ? "" : choices + ")"));
    }
    return text;
}

std::string everywhere_text() {
    std::vector<const OptionRow*> rows;
    for (const auto& row : everywhere()) rows.push_back(&row);
    return options_text(rows) + entry("-h,--help", "Explain it") + entry("--version", "Of ofctl");
}

std::string exits_text(std::span<const ExitRow> rows) {
    std::string text;
    for (const auto& row : rows) text += entry(std::to_string(code(row.exit_code)), row.meaning);
    return text;
}

std::string examples_text(const Verb& verb) {
    std::string text;
    for (const auto& example : verb.examples) {
        text += fmt::format("  {}\n", example.command);
        if (*example.about != 0) text += fmt::format("      {}\n", example.about);
    }
    return text;
}

}  // namespace

std::string spelling_of(const OptionRow& row) {
    std::string_view names(row.names);
    if (names.starts_with("!")) names.remove_prefix(1);
    return fmt::format("{}{}{}", names, *row.value == 0 ? "" : " ", row.value);
}

std::string usage_of(const Verb& verb) {
    auto text = fmt::format("ofctl {} [OPTIONS]", verb.name);
    for (const auto& row : verb.options) {
        if (!row.positional()) continue;
        const bool needed = row.count == Count::one || row.count == Count::at_least_one;
        const bool list =
            row.count == Count::at_least_one ||
            (row.count == Count::any && std::holds_alternative<std::vector<std::string> Options::*>(row.target));
        text += fmt::format(" {}{}{}{}", needed ? "" : "[", row.names, list ? "..." : "", needed ? "" : "]");
    }
    return text;
}

std::string help_of(const Verb& verb) {
    auto text = fmt::format("{}\n\nUsage: {}\n\n{}", verb.help, usage_of(verb), paragraphs(verb.text));
    if (const auto rows = rows_of(verb); !rows.empty()) text += section("Options") + options_text(rows);
    text += section("Options of every verb") + everywhere_text();
    text += section("Exit codes") + exits_text(exit_rows_of(verb));
    if (verb.examples.size() > 0) text += section("Examples") + examples_text(verb);
    return text;
}

std::string overview(std::string_view group) {
    std::string text = "Looks at an OrderFlow instance, and commands it.\n\nUsage: ofctl [OPTIONS] VERB ...\n";
    for (const auto& [title, verbs] : verb_parts()) {
        std::string lines;
        for (const auto& verb : verbs) {
            if (!verb.hidden && (group.empty() || verb.group() == group)) lines += entry(verb.name, verb.help);
        }
        if (!lines.empty()) text += section(title) + lines;
    }
    if (group.empty())
        text += section("Options of every verb") + everywhere_text() + section("Exit codes") + exits_text(exit_rows());
    text += "\n" + wrapped(
                       "ofctl VERB --help explains a verb. What only looks works on an instance whose supervisor is "
                       "stopped or dead, and on copied segments (--from DIR).",
                       0);
    return text;
}

int help(const Options& options) {
    std::string name;
    for (const auto& word : options.names) name += (name.empty() ? "" : " ") + word;
    const auto* verb = find_verb(name);
    if (verb == nullptr && !name.empty() && !is_group(name))
        return refuse(options,
                      {ErrorKind::missing, fmt::format("there is no verb \"{}\" (ofctl --help lists them)", name)});
    put(verb != nullptr ? help_of(*verb) : overview(name));
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
