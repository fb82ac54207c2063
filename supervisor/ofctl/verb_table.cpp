#include "supervisor/ofctl/verb_table.hpp"

#include <algorithm>

namespace of::ofctl {
namespace {

constexpr OptionRow everywhere_rows[] = {
    {.names = "--instance",
     .help = "Which instance ($ORDERFLOW_INSTANCE, else the only one)",
     .target = &Options::instance,
     .value = "NAME",
     .completes = Names::instance},
    {.names = "--from",
     .help = "Segments copied to DIR instead of /dev/shm",
     .target = &Options::folder,
     .value = "DIR",
     .completes = Names::folder},
    {.names = "-o,--output",
     .help = "How it is printed: a table, a wider one, JSON, one JSON object a line, only names, Prometheus text",
     .target = &Options::output,
     .value = "FORMAT",
     .one_of = {"table", "wide", "json", "ndjson", "name", "prom"}},
    {.names = "--json", .help = "The same as -o json", .target = &Options::as_json},
    {.names = "--no-headers", .help = "Tables without their first line", .target = &Options::no_headers},
    {.names = "-q,--quiet", .help = "Print nothing but errors; the exit code says it", .target = &Options::quiet},
    {.names = "--color",
     .help = "auto, always or never; auto obeys NO_COLOR, CLICOLOR_FORCE and TERM=dumb",
     .target = &Options::colour,
     .value = "WHEN",
     .one_of = {"auto", "always", "never"}},
};

struct SharedRow {
    uint32_t set;
    OptionRow row;
};
constexpr SharedRow shared_rows[] = {
    {with_reason, {.names = "--reason", .help = "For the log", .target = &Options::reason, .value = "TEXT"}},
    {with_no_wait, {.names = "!--no-wait", .help = "Do not wait for the effect", .target = &Options::wait}},
    {with_dry_run,
     {.names = "--dry-run",
      .help = "Change nothing; say what would be asked, or come of it",
      .target = &Options::dry_run}},
    {with_timeout,
     {.names = "--timeout",
      .help = "Wait at most SEC seconds (30)",
      .target = &Options::timeout_s,
      .value = "SEC",
      .least = 1,
      .most = 86'400}},
};

constexpr ExitRow exit_meanings[] = {
    {ExitCode::ok, "well"},
    {ExitCode::failed, "failed"},
    {ExitCode::usage, "bad command line or configuration"},
    {ExitCode::degraded, "degraded: the supervisor lives, but not all workers run"},
    {ExitCode::not_found, "no such instance, worker, segment or ID"},
    {ExitCode::denied, "denied: they belong to another user"},
    {ExitCode::timed_out, "timed out: what was asked for has not come about"},
    {ExitCode::unreachable, "no supervisor, or it does not answer within a second"},
    {ExitCode::corrupt, "a segment is corrupt; for shm verify also missing or surplus"},
    {ExitCode::mismatch, "a segment or the supervisor has another version or layout"},
    {ExitCode::internal, "an internal error, which is a fault of ofctl"},
};

constexpr const char* format_names[] = {"table", "wide", "json", "ndjson", "name", "prom"};

bool has_code(const Verb& verb, ExitCode exit_code) {
    using enum ExitCode;
    if (exit_code == ok || exit_code == failed || exit_code == usage || exit_code == internal) return true;
    if (std::ranges::find(verb.ends, exit_code) != verb.ends.end()) return true;
    const bool of_instance =
        exit_code == not_found || exit_code == denied || exit_code == corrupt || exit_code == mismatch;
    if (verb.needs != Needs::nothing && of_instance) return true;
    return verb.kind == Kind::changes && exit_code == unreachable;
}

}  // namespace

std::string_view OptionRow::long_name() const {
    const std::string_view all(names);
    if (positional()) return all;
    return all.substr(all.find("--"));
}

std::string_view Verb::group() const {
    const std::string_view whole(name);
    const auto space = whole.find(' ');
    return space == std::string_view::npos ? std::string_view() : whole.substr(0, space);
}

std::span<const VerbPart> verb_parts() {
    static const VerbPart parts[] = {{"Look at it", reading_verbs()},
                                     {"Watch it, and read its configuration", view_verbs()},
                                     {"Look into shared memory", shm_verbs()},
                                     {"Look at deaths", postmortem_verbs()},
                                     {"Change something", changing_verbs()},
                                     {"About ofctl and this host", own_verbs()}};
    return parts;
}

const std::vector<const Verb*>& all_verbs() {
    static const auto verbs = [] {
        std::vector<const Verb*> all;
        for (const auto& part : verb_parts()) {
            for (const auto& verb : part.verbs) all.push_back(&verb);
        }
        return all;
    }();
    return verbs;
}

const Verb* find_verb(std::string_view name) {
    const auto& all = all_verbs();
    const auto found = std::ranges::find_if(all, [name](const Verb* verb) { return name == verb->name; });
    return found == all.end() ? nullptr : *found;
}

bool is_group(std::string_view name) {
    return !name.empty() &&
           std::ranges::any_of(all_verbs(), [name](const Verb* verb) { return verb->group() == name; });
}

std::span<const OptionRow> everywhere() { return everywhere_rows; }

std::vector<const OptionRow*> rows_of(const Verb& verb) {
    std::vector<const OptionRow*> rows;
    for (const auto& row : verb.options) rows.push_back(&row);
    std::ranges::stable_sort(rows, std::ranges::greater{}, &OptionRow::positional);
    for (const auto& [set, row] : shared_rows) {
        const bool changing = set == with_dry_run && verb.kind == Kind::changes;
        if (changing || (verb.shared & set) != 0) rows.push_back(&row);
    }
    return rows;
}

std::span<const ExitRow> exit_rows() { return exit_meanings; }

std::vector<ExitRow> exit_rows_of(const Verb& verb) {
    std::vector<ExitRow> rows;
    std::ranges::copy_if(exit_meanings, std::back_inserter(rows),
                         [&verb](const ExitRow& row) { return has_code(verb, row.exit_code); });
    return rows;
}

std::string formats_of(const Verb& verb) {
    std::string text;
    for (size_t i = 0; i < std::size(format_names); ++i) {
        if (verb.has(static_cast<Format>(i))) text += (text.empty() ? "" : ", ") + std::string(format_names[i]);
    }
    return text;
}

}  // namespace of::ofctl
