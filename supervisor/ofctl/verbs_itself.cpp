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
    {.name = "version",
     .help = "Of ofctl, its layouts, and the running instance",
     .text =
         "Version, compiler and layouts of this program, held against the instance's supervisor and segments. Ends "
         "with 9 "
         "when they are not the same: then this ofctl may read the instance wrongly, and says which segments differ.",
     .run = version,
     .kind = Kind::itself,
     .options = {{.names = "--layout", .help = "The hash of each layout as well", .target = &Options::layout}},
     .examples = {{"ofctl version --layout"}}},
    {.name = "completion",
     .help = "Print a shell's completion: bash, zsh or fish",
     .text = "The script asks ofctl itself for what may come next: verbs, options and their values, and the names of "
             "workers, segments, "
             "breakers and instances as they are now.",
     .run = completion,
     .kind = Kind::itself,
     .formats = 0,
     .options = {{.names = "SHELL",
                  .help = "Which",
                  .target = &Options::names,
                  .one_of = {"bash", "zsh", "fish"},
                  .count = Count::one}},
     .examples = {{"source <(ofctl completion bash)", "for this shell"},
                  {"ofctl completion fish > ~/.config/fish/completions/ofctl.fish"}},
     .needs = Needs::nothing},
    {.name = "man",
     .help = "Print a man page, or write all of them",
     .text = "The page of a verb, or without one of ofctl; such as ofctl man status | man -l -. They are made from the "
             "same table as "
             "the help.",
     .run = man,
     .kind = Kind::itself,
     .formats = 0,
     .options =
         {{.names = "VERB", .help = "Such as status, or shm ls", .target = &Options::names, .completes = Names::verb},
          {.names = "--to",
           .help = "Write ofctl.1 and each ofctl-VERB.1 into this folder instead",
           .target = &Options::to,
           .value = "DIR",
           .completes = Names::folder}},
     .examples = {{"ofctl man shm verify | man -l -"}},
     .needs = Needs::nothing},
    {.name = "__complete",
     .help = "What the completion scripts ask",
     .text = "The words of a command line, of which the last is to be completed.",
     .run = complete,
     .kind = Kind::itself,
     .formats = 0,
     .options = {{.names = "WORD", .help = "As typed so far", .target = &Options::names}},
     .examples = {{"ofctl __complete -- shm v"}},
     .needs = Needs::nothing,
     .hidden = true},
};

}  // namespace

std::span<const Verb> own_verbs() { return verbs_itself; }

}  // namespace of::ofctl
