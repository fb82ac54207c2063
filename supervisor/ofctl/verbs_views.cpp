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
};

}  // namespace

std::span<const Verb> view_verbs() { return verbs_views; }

}  // namespace of::ofctl
