// The table's verbs that are about ofctl itself.
#include "supervisor/ofctl/verb_table.hpp"

namespace of::ofctl {
namespace {

constexpr Verb verbs_itself[] = {
    {.name = "doctor",
     .help = "What of this host or instance stands in the way",
     .text = "Checks of kernel, memory, clocks, cgroups, folders, segments, sandbox and port, each OK, WARN or FAIL. Reads "
             "only, and needs no instance: what is asked of one is then left open. Ends with 3 when a check says FAIL; "
             "WARN is worse than it could be, and no more.",
     .run = doctor,
     .kind = Kind::itself,
     .options = {{.names = "--fix-hints", .help = "With the command that mends it", .target = &Options::fix_hints}},
     .ends = {ExitCode::degraded},
     .examples = {{"ofctl doctor --fix-hints", "what of this host stands in the way"}},
     .needs = Needs::instance_if_clear},
    {.name = "help",
     .help = "Explain ofctl, or one of its verbs",
     .text = "The same as VERB --help.",
     .run = help,
     .kind = Kind::itself,
     .formats = 0,
     .options =
         {{.names = "VERB", .help = "Such as status, or shm ls", .target = &Options::names, .completes = Names::verb}},
     .examples = {{"ofctl help shm verify"}},
     .needs = Needs::nothing},
};

}  // namespace

std::span<const Verb> own_verbs() { return verbs_itself; }

}  // namespace of::ofctl
