// The table's verbs that look into the segments.
#include "supervisor/ofctl/verb_table.hpp"

namespace of::ofctl {
namespace {

constexpr OptionRow one_segment{.names = "SEGMENT",
                                .help = "Its channel, such as market.0",
                                .target = &Options::names,
                                .completes = Names::segment,
                                .count = Count::one};
constexpr OptionRow newest_messages{
    .names = "-n,--last", .help = "The newest N messages (16)", .target = &Options::lines, .value = "N"};
constexpr OptionRow hex{.names = "--hex", .help = "Raw bytes as well", .target = &Options::hex};
constexpr OptionRow symbol{
    .names = "--symbol", .help = "Only of this symbol", .target = &Options::symbol, .value = "SYMBOL"};
constexpr OptionRow type{
    .names = "--type", .help = "Only of this type, such as trade", .target = &Options::type, .value = "TYPE"};

constexpr Verb verbs_shm[] = {
    {.name = "shm ls",
     .help = "All segments",
     .text =
         "Every segment: kind, slots, size, messages written and refused, and LAG, the messages that the reader "
         "furthest behind has still to read; -o wide: how many processes have it mapped, how full it is, its layout "
         "and generation, the process that made it, and its mode.",
     .run = shm_ls,
     .formats = with_json | with_wide | with_name,
     .examples = {{"ofctl shm ls", "every segment"}, {"ofctl --from /var/tmp/copied shm ls", "those of copies"}}},
    {.name = "shm dump",
     .help = "Header and content of a segment",
     .text = "Of a ring its header, its words and the newest messages; of a page its content. As JSON the messages of "
             "a ring "
             "are one object a line.",
     .run = shm_dump,
     .options = {one_segment,
                 newest_messages,
                 hex,
                 symbol,
                 type,
                 {.names = "--slots",
                  .help = "Positions A:B instead of the newest",
                  .target = &Options::slots,
                  .value = "A:B"}},
     .examples = {{"ofctl shm dump market.0 -n 4 --hex", "the newest four, with their bytes"},
                  {"ofctl --from /var/tmp/copied shm dump control", "who ran, in copied segments"}}},
    {.name = "shm tail",
     .help = "The newest messages of a ring, without taking part",
     .text = "Reads beside the ring's readers: nobody waits for it, and nothing is taken away. As JSON it is one "
             "object a line.",
     .run = shm_tail,
     .options = {one_segment,
                 newest_messages,
                 hex,
                 symbol,
                 type,
                 {.names = "-f,--follow", .help = "Go on with new ones", .target = &Options::follow}},
     .examples = {{"ofctl shm tail market.0 -f --symbol BTCUSDT --type trade", "trades of one symbol as they come"}}},
    {.name = "shm record",
     .help = "Write a ring's messages to a file as they come",
     .text =
         "Reads beside the ring's readers: nobody waits for it, and nothing is taken away. Each message is kept with "
         "its position; one that was overwritten before it could be read is counted as lost. FILE must not be there "
         "yet; it holds what is needed to read it elsewhere, also after the instance is gone.\n\n"
         "Ends with 0 at the first bound, at SIGINT, SIGTERM or SIGHUP (not under nohup), or when the ring is made "
         "anew or goes. Of a dead or copied instance it writes what is in the ring.",
     .run = shm_record,
     .options = {{.names = "SEGMENT",
                  .help = "The ring's channel, such as market.0",
                  .target = &Options::segment,
                  .completes = Names::segment,
                  .count = Count::one},
                 {.names = "FILE",
                  .help = "Where to; it is made",
                  .target = &Options::to,
                  .completes = Names::file,
                  .count = Count::one},
                 {.names = "-n,--count",
                  .help = "At most N messages",
                  .target = &Options::count,
                  .value = "N",
                  .least = 1,
                  .most = 1'000'000'000'000},
                 {.names = "--seconds",
                  .help = "At most so long",
                  .target = &Options::seconds_max,
                  .value = "SEC",
                  .least = 0.001,
                  .most = 31'536'000},
                 {.names = "--bytes",
                  .help = "At most so large a file (1073741824)",
                  .target = &Options::bytes_max,
                  .value = "BYTES",
                  .least = 1,
                  .most = 1'000'000'000'000},
                 {.names = "--backlog",
                  .help = "Begin with the oldest message that is still there",
                  .target = &Options::backlog}},
     .ends = {ExitCode::not_found, ExitCode::denied, ExitCode::corrupt},
     .examples = {{"ofctl shm record market.0 market.rec --seconds 60", "a minute of the market"},
                  {"ofctl --from /var/tmp/copied shm record log.storage log.rec", "the last words of the dead"}}},
    {.name = "shm replay",
     .help = "Print a recording, or play it into segments of its own",
     .text =
         "Prints the messages of FILE as shm tail does. With --to DIR it plays them into a ring there, beside the "
         "pages that were recorded with it: ofctl --from DIR reads them, also meanwhile. DIR is to be new or empty; "
         "nothing is ever played into an instance.\n\n"
         "--speed 1 keeps the pace at which they were published, 10 is ten times as fast; a pause is at most ten "
         "seconds of recorded time. A recording whose recorder was killed is played up to its last whole message. Ends "
         "with 8 where the file is damaged.",
     .run = shm_replay,
     .options = {{.names = "FILE",
                  .help = "What shm record wrote",
                  .target = &Options::names,
                  .completes = Names::file,
                  .count = Count::one},
                 {.names = "--to", .help = "A folder to make", .target = &Options::to, .value = "DIR"},
                 {.names = "--speed",
                  .help = "At X times the recorded pace; without, as fast as it goes",
                  .target = &Options::speed,
                  .value = "X",
                  .least = 0.001,
                  .most = 1'000'000},
                 hex,
                 symbol,
                 type},
     .ends = {ExitCode::not_found, ExitCode::denied, ExitCode::corrupt, ExitCode::mismatch},
     .examples = {{"ofctl shm replay market.rec --type trade", "the trades in it"},
                  {"ofctl shm replay market.rec --to /tmp/again --speed 1",
                   "as it was, for ofctl --from /tmp/again shm tail market.0 -f"}},
     .needs = Needs::nothing},
    {.name = "shm verify",
     .help = "Check everything that the segments promise",
     .text =
         "Checks header, schema, sizes, commit words, cursors, conservation, and that the segments are those of the "
         "wiring. Works beside living writers, on dead instances and on copies (--from DIR).\n\n"
         "Ends with 8 when something is corrupt, missing or surplus, and with 9 when a segment is sound but of another "
         "layout.\n\n"
         "--quick leaves out the slots of the rings, but for the two at each ring's end: a damaged commit word, type "
         "or "
         "origin of an older message is not found. Headers, schemas, counters, cursors and pages are checked as ever.",
     .run = shm_verify,
     .formats = with_json | with_name,
     .options = {{.names = "SEGMENT",
                  .help = "Only these; all of the instance without",
                  .target = &Options::names,
                  .completes = Names::segment},
                 {.names = "--quick", .help = "Without a look at each slot of the rings", .target = &Options::quick}},
     .ends = {ExitCode::corrupt},
     .examples = {{"ofctl shm verify && echo all is well", "whether every promise of the segments is kept"},
                  {"ofctl shm verify --quick", "between two long checks"}}},
    {.name = "shm hz",
     .help = "How fast each ring moves, and how far its readers are behind",
     .text =
         "MIN and MAX are over all intervals so far; BYTES/S counts whole slots; LOST/S counts messages that a reader "
         "missed because they were overwritten; GAP is the longest time between two messages in a row, by their own "
         "times. Of market rings also p50 and p99 from the receipt of a message to its publication. On dead or copied "
         "segments it says that nothing moves.",
     .run = shm_hz,
     .formats = with_json | with_name,
     .options =
         {{.names = "SEGMENT", .help = "Only these rings", .target = &Options::names, .completes = Names::segment},
          {.names = "--interval",
           .help = "Measure over SEC seconds (1)",
           .target = &Options::interval_s,
           .value = "SEC",
           .least = 0.01,
           .most = 3600},
          {.names = "--count", .help = "Stop after N intervals (1)", .target = &Options::count, .value = "N"},
          {.names = "-f,--follow", .help = "Go on for ever", .target = &Options::follow}},
     .examples = {{"ofctl shm hz market.0 --interval 5 -f", "the market's rate, every five seconds"}}},
    {.name = "shm gc",
     .help = "Find, and remove, what dead instances left behind",
     .text =
         "Looks at all instances, or at one (--instance). Never removes a segment of an instance of which any process "
         "lives, of another user, or a file that is no segment. Run it where the instances run: processes of another "
         "container "
         "are not to be seen.",
     .run = shm_gc,
     .formats = with_json | with_name,
     .shared = with_dry_run,
     .options = {{.names = "-y,--yes", .help = "Remove it; without, it is only listed", .target = &Options::yes}},
     .ends = {ExitCode::not_found},
     .examples = {{"ofctl shm gc", "what would be removed"}, {"ofctl shm gc --yes", "removes it"}},
     .needs = Needs::nothing},
};

}  // namespace

std::span<const Verb> shm_verbs() { return verbs_shm; }

}  // namespace of::ofctl
