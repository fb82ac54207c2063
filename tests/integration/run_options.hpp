// The command line of of-tape-run.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tests/integration/interrupt.hpp"

namespace of::integration {

struct RunOptions {
    // The market.
    std::string tape;         ///< empty: synthetic
    std::string speed = "1";  ///< of a tape: a factor, or "max"
    std::vector<std::string> symbols{"BTCUSDT", "ETHUSDT"};
    double rate = 400;                ///< of a synthetic market, messages a second
    double seconds = 15;              ///< of a synthetic market
    uint64_t seed = 0;                ///< of the synthetic market and of random kills; 0: chosen and printed
    std::vector<std::string> faults;  ///< handed to the exchange as they are
    // What happens to the system.
    std::vector<std::string> victims;  ///< processes to kill, one after another; "random" alone: any worker
    Milliseconds every{1000};          ///< between two kills
    uint64_t kills_max = 0;            ///< 0: until shortly before the market's end
    // The system.
    uint32_t market_slots = 262'144;
    bool trace = false;
    uint32_t trace_check = 0;  ///< stored trades whose hops must all be found
    // The report.
    std::string golden;  ///< file with the books that must come out
    double settle_seconds = 60;
    bool json = false;
    bool keep = false;
    bool verbose = false;

    bool synthetic() const { return tape.empty(); }
};

/// The options, or the exit code of a program that has said what is wrong (or --help) already.
std::variant<RunOptions, int> parse_run_options(int argc, char** argv);

}  // namespace of::integration
