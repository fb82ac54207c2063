// The supervisor's part of the configuration file, and the check of the whole file.
//
// Owns [instance], [supervisor], [supervisor.restart], [rings], [trace] and [breaker]. Relative paths are relative to
// the file's folder. The sections of the workers are checked by the worker programs themselves (`of-X --check-config
// FILE`), so nobody knows another's keys.
#pragma once

#include <map>
#include <string>

#include "proto/settings.hpp"
#include "proto/topology.hpp"
#include "shm/error.hpp"
#include "supervisor/restart_policy.hpp"

namespace of::supervisor {

struct Config {
    std::string path;  ///< of the file, absolute
    std::string instance;
    std::string governor;  ///< names the page of request limits that this host's instances share
    std::string state_dir;
    std::string data_dir;
    std::string log_dir;
    std::string bin_dir;  ///< empty: beside this program
    std::string wait;
    int64_t ready_timeout_ns = 0;
    int64_t heartbeat_timeout_ns = 0;
    int64_t stop_timeout_ns = 0;
    RestartSettings restart;
    std::map<ChannelKind, uint64_t> slots;  ///< capacities that differ from the wiring table's
    uint64_t trace_sample = 0;
    std::string breaker;  ///< the section [breaker], as a worker's --breaker takes it
};

struct CheckedConfig {
    Config config;
    std::vector<settings::Problem> problems;
};

/// Reads the supervisor's sections; the values are complete even if there are problems.
CheckedConfig read_config(const std::string& path);

/// Problems of the whole file in the order of its lines: the supervisor's own and those that each worker program finds.
/// Fails if a worker program cannot be asked.
Expected<std::vector<settings::Problem>> check_whole_file(const CheckedConfig& checked);

/// The program of a worker: in bin_dir, or beside this program, or where the build puts it.
Expected<std::string> worker_program(const Config& config, ProcessKind kind);

/// The supervisor's sections as documentation.
std::string describe_config();

}  // namespace of::supervisor
