// of-bench: what the rings can do, against a floor and against peers, on this machine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <random>

#include "tests/bench/operations.hpp"
#include "tests/bench/own_workers.hpp"
#include "tests/bench/report.hpp"
#include "tests/bench/restart.hpp"

namespace {

using namespace of::bench;

/// Each takes a third of a second.
constexpr size_t notices_max = 30;

constexpr const char* footer =
    R"(Each sample is two fresh processes, one on each of two cores, and is bracketed by the round trip of two bare
flags (the floor): only ratios to it, as medians over the rounds, say anything on a machine whose cores change speed.
Messages have 8 bytes less than the slot; every word is written, read and checked.

Examples:
  of-bench ring                       a table, some two minutes
  of-bench ring --rounds 15 --json    one object; "ratios" holds the medians
  of-bench ring --only queue --only boost
  of-bench restart                    some four minutes; daemontools, runit and s6 where they are installed
  of-bench operations                 what an update of a metric, a log record, a trace hop cost

Exit codes: 0 measured, 1 a transport lost or damaged a message or could not run, 2 bad command line.)";

std::string node_program() {
    const auto* path = std::getenv("PATH");
    std::string rest = path == nullptr ? "" : path;
    while (!rest.empty()) {
        const auto end = std::min(rest.find(':'), rest.size());
        const auto candidate = rest.substr(0, end) + "/node";
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
        rest.erase(0, end + 1);
    }
    return "";
}

bool chosen(const Job& job, const std::vector<std::string>& only) {
    return only.empty() ||
           std::ranges::any_of(only, [&](const auto& word) { return job.key.find(word) != std::string::npos; });
}

int ring(size_t rounds, uint64_t seed, const std::vector<std::string>& only, const JobOptions& options, bool json) {
    auto jobs = ring_jobs(options);
    std::erase_if(jobs, [&](const Job& job) { return !chosen(job, only); });
    if (jobs.empty()) {
        fmt::print(stderr, "of-bench: no transport has that in its name\n");
        return 2;
    }
    for (const auto& absent : absent_peers(options)) fmt::print(stderr, "of-bench: without {}\n", absent);
    std::mt19937_64 random(seed);
    std::vector<Round> results(rounds);
    uint64_t wrong = 0;
    for (auto& round : results) {
        auto order = jobs;
        std::ranges::shuffle(order, random);
        for (const auto& job : order) {
            const auto sample = job.sample();
            wrong += sample.wrong;
            if (sample.wrong != 0) fmt::print(stderr, "of-bench: {}: {} messages came wrong\n", job.name, sample.wrong);
            round[job.key] = sample;
        }
    }
    const auto ratios = ratios_of(results, jobs);
    fmt::print("{}", json ? json_of(results, jobs, ratios) : table_of(results, jobs, ratios));
    return wrong == 0 ? 0 : 1;
}

int restart(size_t kills, uint64_t seed, size_t starts, int64_t idle_s, size_t resident_mib, bool json) {
    std::vector<std::string> absent;
    const auto own = measure_own_workers(starts, idle_s);
    const Notices notices{.apart = measure_notices(std::min(kills, notices_max), resident_mib, true),
                          .anywhere = measure_notices(std::min(kills, notices_max), resident_mib, false)};
    const auto figures = measure_restarts(kills, seed, absent);
    for (const auto& peer : absent) fmt::print(stderr, "of-bench: without {}\n", peer);
    fmt::print("{}", json ? json_of(figures, own, notices) : table_of(figures) + table_of(notices) + table_of(own));
    return std::ranges::all_of(figures, [](const auto& each) { return each.lost == 0; }) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Benchmarks of OrderFlow's shared memory.", "of-bench");
    app.footer(footer);
    app.require_subcommand(0, 1);
    size_t rounds = 7;
    uint64_t seed = std::random_device{}();
    bool json = false;
    std::vector<std::string> only;
    JobOptions options{.effort = 1.0, .node = node_program(), .script = OF_BENCH_SCRIPT};
    size_t blocks = 100'000;
    auto* operations = app.add_subcommand("operations", "What single operations of a worker cost");
    operations->add_option("--blocks", blocks, "Samples, each of 64 operations (100000)")
        ->check(CLI::Range(100, 100'000'000));
    operations->add_flag("--json", json, "One JSON object");
    size_t kills = 150;
    auto* restarts =
        app.add_subcommand("restart", "From kill -9 of a child to its successor, beside other supervisors");
    restarts->add_option("--kills", kills, "Of each supervisor's children (150)")->check(CLI::Range(1, 100'000));
    restarts->add_option("--seed", seed, "Order of the kills");
    size_t starts = 10;
    int64_t idle_s = 10;
    restarts->add_option("--starts", starts, "Of an instance with its real workers (10)")->check(CLI::Range(1, 1000));
    restarts->add_option("--idle", idle_s, "Seconds to look at an idle supervisor (10)")->check(CLI::Range(1, 3600));
    size_t resident_mib = 512;
    restarts->add_option("--resident", resident_mib, "MiB of those whose death is noticed (512)")
        ->check(CLI::Range(1, 65'536));
    restarts->add_flag("--json", json, "One JSON object");
    auto* verb = app.add_subcommand("ring", "One-way throughput and round trips of the rings and of their peers");
    verb->add_option("--rounds", rounds, "Samples of each transport (7)")->check(CLI::Range(1, 1000));
    verb->add_option("--seed", seed, "Order of the samples");
    verb->add_option("--only", only, "Transports whose key has this word");
    verb->add_option("--effort", options.effort, "Factor to the number of messages (1)")
        ->check(CLI::Range(0.01, 100.0));
    verb->add_flag("--json", json, "One JSON object");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    if (app.get_subcommands().empty()) {
        fmt::print(stderr, "of-bench: say what to measure: ring, operations or restart (of-bench --help explains)\n");
        return 2;
    }
    try {
        if (operations->parsed()) {
            const auto costs = measure_operations(blocks);
            fmt::print("{}", json ? json_of(costs) : table_of(costs));
            return 0;
        }
        if (restarts->parsed()) return restart(kills, seed, starts, idle_s, resident_mib, json);
        return ring(rounds, seed, only, options, json);
    } catch (const std::exception& error) {
        fmt::print(stderr, "of-bench: {}\n", error.what());
        return 1;
    }
}
