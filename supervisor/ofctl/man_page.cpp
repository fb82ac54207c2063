#include "supervisor/ofctl/man_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "supervisor/ofctl/help_text.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

/// Text within a line of mdoc: a backslash is its escape, and a dash in what is typed must stay one.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\')
            out += "\\e";
        else if (c == '"')
            out += "\\(dq";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
    }
    return out;
}

/// A sentence in lines of at most 76 bytes; none may begin with a dot or an apostrophe, which are for commands.
std::string lines_of(std::string_view sentence) {
    std::string out;
    size_t at = 0;
    while (!sentence.empty()) {
        const auto end = std::min(sentence.find(' '), sentence.size());
        auto word = escaped(sentence.substr(0, end));
        const bool fresh = at == 0 || at + word.size() + 1 > 76;
        if (fresh && (word.starts_with('.') || word.starts_with('\''))) word.insert(0, "\\&");
        out += (at == 0 ? "" : fresh ? "\n" : " ") + word;
        at = fresh ? word.size() : at + word.size() + 1;
        sentence.remove_prefix(std::min(sentence.size(), end + 1));
    }
    return out + "\n";
}

/// Prose as mdoc wants it: each sentence begins a line.
std::string prose(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto paragraph = std::min(text.find("\n\n"), text.size());
        const auto stop = text.find(". ");
        const bool ends_paragraph = stop == std::string_view::npos || stop >= paragraph;
        out += lines_of(text.substr(0, ends_paragraph ? paragraph : stop + 1));
        text.remove_prefix(std::min(text.size(), (ends_paragraph ? paragraph : stop) + 2));
        if (ends_paragraph && !text.empty()) out += ".Pp\n";
    }
    return out;
}

std::string begin_page(std::string_view name, std::string_view about) {
    std::string title(name);
    std::ranges::transform(title, title.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return fmt::format(".Dd November 25, 2026\n.Dt {} 1\n.Os\n.Sh NAME\n.Nm {}\n.Nd {}\n", title, name, escaped(about));
}

std::string item(const std::string& term, std::string_view meaning) {
    return fmt::format(".It {}\n{}", escaped(term), prose(meaning));
}

std::string list(const std::string& items) { return items.empty() ? "" : ".Bl -tag -width Ds\n" + items + ".El\n"; }

std::string choices_of(const OptionRow& row) {
    std::string text;
    for (const auto* choice : row.one_of) text += (text.empty() ? ": " : ", ") + std::string(choice);
    return text;
}

std::string options_list(std::span<const OptionRow* const> rows) {
    std::string items;
    for (const auto* row : rows) items += item(spelling_of(*row), row->help + choices_of(*row));
    return list(items);
}

std::string everywhere_list() {
    std::vector<const OptionRow*> rows;
    for (const auto& row : everywhere()) rows.push_back(&row);
    return options_list(rows);
}

std::string exit_list(std::span<const ExitRow> rows) {
    std::string items;
    for (const auto& row : rows) items += item(std::to_string(code(row.exit_code)), row.meaning);
    return list(items);
}

std::string examples_list(const Verb& verb) {
    std::string text;
    for (const auto& example : verb.examples) {
        if (!text.empty()) text += ".Pp\n";
        if (*example.about != 0) text += prose(std::string(example.about) + ":");
        text += fmt::format(".Dl {}\n", escaped(example.command));
    }
    return text;
}

std::string environment_text() {
    return ".Sh ENVIRONMENT\n" + list(item("ORDERFLOW_INSTANCE", "The instance, where none is named.") +
                                      item("NO_COLOR", "No colour, whatever the terminal.") +
                                      item("CLICOLOR_FORCE", "Colour, also where standard output is no terminal."));
}

int write_pages(const Options& options) {
    const auto write = [&](const std::string& name, const std::string& text) {
        std::ofstream file(options.to + "/" + name + ".1");
        return static_cast<bool>(file << text << std::flush);
    };
    bool well = write("ofctl", man_page_of_all());
    for (const auto* verb : all_verbs())
        well = well && (verb->hidden || write(page_name_of(*verb), man_page_of(*verb)));
    if (!well) return refuse(options, {ErrorKind::failed, fmt::format("cannot write into {}", options.to)});
    return code(ExitCode::ok);
}

}  // namespace

std::string page_name_of(const Verb& verb) {
    std::string name = fmt::format("ofctl-{}", verb.name);
    std::ranges::replace(name, ' ', '-');
    return name;
}

std::string man_page_of(const Verb& verb) {
    auto text = begin_page(page_name_of(verb), verb.help);
    text += fmt::format(".Sh SYNOPSIS\n{}\n.Sh DESCRIPTION\n{}", escaped(usage_of(verb)), prose(verb.text));
    if (const auto rows = rows_of(verb); !rows.empty()) text += ".Pp\nIts options:\n" + options_list(rows);
    text += ".Pp\nOptions of every verb:\n" + everywhere_list() + environment_text();
    text += ".Sh EXIT STATUS\n" + exit_list(exit_rows_of(verb));
    if (verb.examples.size() > 0) text += ".Sh EXAMPLES\n" + examples_list(verb);
    return text + ".Sh SEE ALSO\n.Xr ofctl 1\n";
}

std::string man_page_of_all() {
    auto text = begin_page("ofctl", "look at an OrderFlow instance, and command it");
    text += ".Sh SYNOPSIS\nofctl [OPTIONS] VERB ...\n.Sh DESCRIPTION\n";
    text += prose(
        "Looks at an instance through its shared-memory segments, and asks its supervisor for what is to change. "
        "What only looks works on an instance whose supervisor is stopped or dead, and on copied segments.");
    std::string verbs;
    for (const auto* verb : all_verbs()) {
        if (!verb->hidden) verbs += fmt::format(".It Xr {} 1\n{}", page_name_of(*verb), prose(verb->help));
    }
    text += ".Pp\nThe verbs, each with a page of its own:\n" + list(verbs);
    text += ".Pp\nOptions of every verb:\n" + everywhere_list() + environment_text();
    return text + ".Sh EXIT STATUS\n" + exit_list(exit_rows());
}

int man(const Options& options) {
    if (!options.to.empty()) return write_pages(options);
    std::string name;
    for (const auto& word : options.names) name += (name.empty() ? "" : " ") + word;
    const auto* verb = find_verb(name);
    if (verb == nullptr && !name.empty())
        return refuse(options,
                      {ErrorKind::missing, fmt::format("there is no verb \"{}\" (ofctl --help lists them)", name)});
    put(verb != nullptr ? man_page_of(*verb) : man_page_of_all());
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
