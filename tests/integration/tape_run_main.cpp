// of-tape-run: plays a market to the whole system and holds what was stored against what was played.
#include <fmt/format.h>
#include <unistd.h>

#include "proto/types.hpp"
#include "tests/integration/tape_run.hpp"

namespace {

constexpr int exit_skipped = 77;  // what test harnesses call a skip
constexpr int exit_interrupted = 130;

}  // namespace

int main(int argc, char** argv) {
    using namespace of;
    using namespace of::integration;
    const auto parsed = parse_run_options(argc, argv);
    if (const auto* exit_code = std::get_if<int>(&parsed)) return *exit_code;
    const auto& options = std::get<RunOptions>(parsed);
    if (!options.synthetic() && access(options.tape.c_str(), R_OK) != 0) {
        fmt::print(stderr, "of-tape-run: skipped: there is no tape {}\n", options.tape);
        return exit_skipped;
    }
    note_interrupts();
    fmt::print(stderr, "of-tape-run: seed {}\n", options.seed);
    const auto result = TapeRun(options).run();
    if (!result) {
        fmt::print(stderr, "of-tape-run: {}\n", result.error().message);
        return interrupted() ? exit_interrupted : code(ExitCode::failed);
    }
    fmt::print("{}{}", options.json ? json_of(*result) : page_of(*result), options.json ? "\n" : "");
    for (const auto& problem : result->problems) fmt::print(stderr, "of-tape-run: {}\n", problem);
    return code(result->good() ? ExitCode::ok : ExitCode::failed);
}
