// ofctl completion SHELL, and what the scripts that it prints ask: `ofctl __complete -- WORD...`, of which the last
// word is to be completed, prints a line "CANDIDATE<tab>WHAT IT IS" for each. Verbs and options come from the table,
// the names of workers, segments and breakers from the segments of the instance that the words name.
#include <fmt/format.h>

#include <algorithm>

#include "shm/breaker.hpp"
#include "supervisor/ofctl/command_line.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

constexpr const char* bash_script = R"(# bash completion of ofctl
_ofctl() {
    local words=("${COMP_WORDS[@]:1:COMP_CWORD}") IFS=$'\n'
    COMPREPLY=($(ofctl __complete -- "${words[@]}" 2>/dev/null | cut -f1))
}
complete -o default -F _ofctl ofctl
)";
constexpr const char* zsh_script = R"(#compdef ofctl
_ofctl() {
    local -a found
    found=("${(@f)$(ofctl __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null | sed 's/:/\\:/g; s/\t/:/')}")
    _describe ofctl found || _files
}
compdef _ofctl ofctl
)";
constexpr const char* fish_script = R"(# fish completion of ofctl
function __ofctl_candidates
    set -l words (commandline -opc) (commandline -ct)
    ofctl __complete -- $words[2..-1] 2>/dev/null
end
complete -c ofctl -f -a '(__ofctl_candidates)'
)";

struct Candidate {
    std::string word;
    std::string about;
};
using Candidates = std::vector<Candidate>;

Source source_of(const std::vector<std::string>& words) {
    Source source;
    std::string instance;
    for (size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] == "--instance") instance = words[i + 1];
        if (words[i] == "--from") source.folder = words[i + 1];
    }
    source.instance = choose_instance(instance, source.folder).value_or(instance);
    return source;
}

void add_breakers(Candidates& found, const View& view) {
    const auto pages = open_pages<shm::BreakerPage>(view, "breaker");
    if (!pages) return;
    for (const auto& page : *pages) {
        for (size_t i = 0; i < page.content().size(); ++i)
            found.push_back(
                {fmt::format("{}/{}", page.process, shm::text_of(page.content().records[i].name)), "breaker"});
    }
}

/// What is called so in the instance as it is now.
Candidates live_names(Names names, const std::vector<std::string>& words) {
    Candidates found;
    const auto source = source_of(words);
    if (names == Names::instance) {
        for (const auto& instance : instances_in(source.folder)) found.push_back({instance, "instance"});
    } else if (names == Names::segment) {
        for (const auto& channel : channels_in(source)) found.push_back({channel, "segment"});
    } else if (const auto view = View::open(source); view && names == Names::worker) {
        for (const auto& worker : view->workers()) found.push_back({worker.name, worker.label()});
    } else if (view && names == Names::breaker) {
        add_breakers(found, *view);
    }
    return found;
}

void add_verbs(Candidates& found, const std::string& group) {
    std::vector<std::string> groups;
    for (const auto* verb : all_verbs()) {
        const std::string of(verb->group());
        if (verb->hidden || (of != group && !group.empty())) continue;
        if (group.empty() && !of.empty()) {
            if (std::ranges::find(groups, of) != groups.end()) continue;
            groups.push_back(of);
            found.push_back({of, "more verbs"});
        } else {
            found.push_back({std::string(verb->name).substr(of.empty() ? 0 : of.size() + 1), verb->help});
        }
    }
}

void add_options(Candidates& found, const OptionRow& row) {
    if (!row.positional()) found.push_back({std::string(row.long_name()), row.help});
}

/// The values of an option, or of what a verb is about.
void add_values(Candidates& found, const OptionRow& row, const std::vector<std::string>& words) {
    for (const auto* choice : row.one_of) found.push_back({choice, row.help});
    if (row.completes == Names::verb) add_verbs(found, "");
    const auto names = live_names(row.completes, words);
    found.insert(found.end(), names.begin(), names.end());
}

/// The option whose value comes after `word`, or nullptr.
const OptionRow* awaits_value(const std::vector<const OptionRow*>& rows, const std::string& word) {
    const auto found = std::ranges::find_if(rows, [&](const OptionRow* row) {
        const std::string_view names(row->names);
        return !row->flag() && !row->positional() &&
               (word == row->long_name() || (names.find(',') == 2 && word == names.substr(0, 2)));
    });
    return found == rows.end() ? nullptr : *found;
}

Candidates candidates_of(const std::vector<std::string>& words) {
    Candidates found;
    const auto& last = words.back();
    const auto known = find_verb_in({words.begin(), words.end() - 1});
    std::vector<const OptionRow*> rows;
    if (known.verb != nullptr) rows = rows_of(*known.verb);
    for (const auto& row : everywhere()) rows.push_back(&row);
    const auto* awaiting = words.size() > 1 ? awaits_value(rows, words[words.size() - 2]) : nullptr;
    if (awaiting != nullptr) {
        add_values(found, *awaiting, words);
    } else if (last.starts_with("-")) {
        for (const auto* row : rows) add_options(found, *row);
    } else if (known.verb == nullptr) {
        add_verbs(found, known.group);
    } else {
        for (const auto* row : rows) {
            if (row->positional()) add_values(found, *row, words);
        }
    }
    std::erase_if(found, [&](const Candidate& candidate) { return !candidate.word.starts_with(last); });
    return found;
}

}  // namespace

int completion(const Options& options) {
    const auto& shell = options.names.front();
    put(shell == "bash" ? bash_script : shell == "zsh" ? zsh_script : fish_script);
    return code(ExitCode::ok);
}

int complete(const Options& options) {
    auto words = options.names;
    if (words.empty()) words.emplace_back();
    for (const auto& [word, about] : candidates_of(words)) put(fmt::format("{}\t{}\n", printable_text(word), about));
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
