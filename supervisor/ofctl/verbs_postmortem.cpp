// The table's verbs for what deaths have left (supervisor/POSTMORTEM.md).
#include "supervisor/ofctl/verb_table.hpp"

namespace of::ofctl {
namespace {

constexpr OptionRow state_dir{.names = "--state-dir",
                              .help = "[instance] state_dir, of an instance whose segments are gone",
                              .target = &Options::state_dir,
                              .value = "DIR",
                              .completes = Names::folder};
constexpr OptionRow one_bundle{.names = "ID",
                               .help = "As ls prints it, or a part of it that fits no other",
                               .target = &Options::names,
                               .count = Count::at_most_one};
constexpr OptionRow last_bundle{.names = "--last", .help = "The newest", .target = &Options::last};

constexpr Verb verbs_postmortem[] = {
    {.name = "postmortem ls",
     .help = "The bundles that deaths have left, the oldest first",
     .text = "A bundle for each death of a worker that was not asked for: cause, signal, size. Works when the supervisor "
             "is dead, and with --state-dir when its segments are gone.",
     .run = postmortem_ls,
     .formats = with_json | with_name,
     .options = {state_dir},
     .examples = {{"ofctl postmortem ls", "who died, when and why"}}},
    {.name = "postmortem show",
     .help = "Cause, stack, rings and log of one death",
     .text = "One bundle: why it died, what it did then, its stack if there is one, the end of its log, and where its "
             "rings and pages lie for the other verbs (--from).",
     .run = postmortem_show,
     .options = {one_bundle,
                 last_bundle,
                 {.names = "-n,--lines",
                  .help = "The last N lines of the log (12)",
                  .target = &Options::lines,
                  .value = "N"},
                 state_dir},
     .examples = {{"ofctl postmortem show --last", "why a worker died"}}},
    {.name = "postmortem export",
     .help = "One bundle as a tar archive",
     .text = "Everything of one bundle in an archive, to be looked at elsewhere.",
     .run = postmortem_export,
     .options = {one_bundle,
                 last_bundle,
                 {.names = "--tar",
                  .help = "The archive (ID.tar); - for stdout",
                  .target = &Options::tar,
                  .value = "FILE",
                  .completes = Names::file},
                 state_dir},
     .examples = {{"ofctl postmortem export --last --tar death.tar"}}},
    {.name = "postmortem rm",
     .help = "Remove bundles",
     .text = "The oldest go by themselves when there are more than [postmortem] keep, or than its total_mb.",
     .run = postmortem_rm,
     .kind = Kind::changes,
     .options = {{.names = "ID", .help = "As ls prints them", .target = &Options::names, .count = Count::at_least_one},
                 state_dir},
     .examples = {{"ofctl postmortem rm 20260102-030405.678-storage-7"}}},
};

}  // namespace

std::span<const Verb> postmortem_verbs() { return verbs_postmortem; }

}  // namespace of::ofctl
