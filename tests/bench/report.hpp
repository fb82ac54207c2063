// Rounds of samples into medians and ratios, and the aims that they are held against. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/bench/jobs.hpp"

namespace of::bench {

/// One round: a sample of each job, by its key.
using Round = std::map<std::string, Sample>;

struct Ratio {
    std::string name;
    double value = 0;  ///< median of the rounds
    double low = 0;    ///< quarter and three quarters of the rounds
    double high = 0;
    double aim = 0;
    bool at_most = false;
    bool known = false;  ///< false when a job it needs is not there
    bool reached() const { return at_most ? value <= aim : value >= aim; }
};

std::vector<Ratio> ratios_of(const std::vector<Round>& rounds, const std::vector<Job>& jobs);
std::string table_of(const std::vector<Round>& rounds, const std::vector<Job>& jobs, const std::vector<Ratio>& ratios);
std::string json_of(const std::vector<Round>& rounds, const std::vector<Job>& jobs, const std::vector<Ratio>& ratios);

}  // namespace of::bench
