// The transports that `of-bench ring` compares, and how one sample of each is taken.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/pair.hpp"

namespace of::bench {

struct Job {
    std::string key;   ///< "queue 64": what the ratios are computed from
    std::string name;  ///< for people
    bool ours = false;
    size_t slot_bytes = 64;  ///< a message has 8 bytes less
    std::function<Sample()> sample;
};

struct JobOptions {
    double effort = 1.0;  ///< factor to the number of messages
    std::string node;     ///< the program; empty: leave it out
    std::string script;   ///< post_message.js
};

/// All that were compiled in. Those that need a daemon start it with the first sample and end it with the process.
std::vector<Job> ring_jobs(const JobOptions& options);

/// Names of peers that are not there, each with the reason.
std::vector<std::string> absent_peers(const JobOptions& options);

}  // namespace of::bench
