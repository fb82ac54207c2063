// The table's verbs that show an instance in other ways: live, its configuration, its rings on record.
#include "supervisor/ofctl/verb_table.hpp"

namespace of::ofctl {
namespace {

constexpr Verb verbs_views[] = {
    {.name = "top",
     .help = "The instance live: workers, rings, latencies, breakers, warnings",
     .text =
         "Keys: q quits, up and down (k, j) choose a worker, r restarts and d drains it (both ask first), l shows its "
         "log, b the breakers, space pauses, h helps.\n\n"
         "Where there is no terminal it prints one table, with -n more of them, with -b without end. Works on a dead "
         "instance, and says so.",
     .run = top,
     .options = {{.names = "-d,--delay",
                  .help = "Look each SEC seconds (1)",
                  .target = &Options::interval_s,
                  .value = "SEC",
                  .least = 0.1,
                  .most = 3600},
                 {.names = "-n,--count", .help = "End after N looks", .target = &Options::count, .value = "N"},
                 {.names = "-b,--batch",
                  .help = "Plain tables one after another, on a terminal as well",
                  .target = &Options::batch}},
     .examples = {{"ofctl top", "the instance, live"}, {"ofctl top -b -n 12 -d 300 > hour.txt", "an hour in tables"}}},
    {.name = "config show",
     .help = "What is configured, and where each value comes from",
     .text = "Every key with its value and the line of the file, or that it is the default: of the running instance as "
             "it is in force, whatever has become of the file since; of a dead one as it was; or of FILE. What it "
             "prints is a configuration file itself.",
     .run = config_show,
     .options = {{.names = "FILE",
                  .help = "Instead of what is in force",
                  .target = &Options::names,
                  .completes = Names::file,
                  .count = Count::at_most_one},
                 {.names = "--only-set", .help = "Without defaults", .target = &Options::only_set}},
     .examples = {{"ofctl config show --only-set", "what the file says"}},
     .needs = Needs::instance_unless_named},
    {.name = "config diff",
     .help = "What a reload would change, and whom it would restart",
     .text = "The file as it is now against the text in force: each key that differs, and for each process whether a "
             "reload would restart it, take effect at once, or be refused; refused is 1, and a file with mistakes 2.",
     .run = config_diff,
     .examples = {{"ofctl config diff && ofctl config reload", "take over what was looked at"}}},
    {.name = "config schema",
     .help = "Every key: type, default, bounds, meaning",
     .text = "As the programs that read them tell it. As JSON it is a JSON Schema of the file.",
     .run = config_schema,
     .examples = {{"ofctl config schema --json > orderflow.schema.json", "for an editor"}},
     .needs = Needs::nothing},
    {.name = "config explain",
     .help = "One key, or the keys of a section",
     .text = "Its meaning, what may stand there, the default, and which program reads it.",
     .run = config_explain,
     .options =
         {{.names = "KEY", .help = "SECTION.KEY, KEY or SECTION", .target = &Options::names, .count = Count::one}},
     .ends = {ExitCode::not_found},
     .examples = {{"ofctl config explain storage.synchronous"}},
     .needs = Needs::nothing},
};

}  // namespace

std::span<const Verb> view_verbs() { return verbs_views; }

}  // namespace of::ofctl
