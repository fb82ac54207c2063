// The [binance] section: its table for --help, --check-config and error messages, and its values once
// checked.
#pragma once

#include <string>
#include <vector>

#include "proto/settings.hpp"
#include "workers/binance/line.hpp"

namespace of::binance {

/// This worker's one section.
extern const settings::Section section;

struct Config {
    std::vector<std::string> symbols;  ///< in capitals, each once
    LineTarget line;                   ///< with the streams of all symbols
    Url rest_url;
    Url history_url;  ///< serves historicalTrades
    std::string ca_file;
    int64_t snapshot_limit = 5'000;
    int64_t reconnect_min_ms = 250;
    int64_t reconnect_max_ms = 30'000;
    int64_t stale_after_ms = 60'000;
    int64_t dead_after_ms = 45'000;
    int64_t rotate_after_s = 84'600;
    int64_t repair_ids_max = 200'000;
    bool repair = true;

    /// The error is a sentence for the user.
    static Expected<Config> from(const settings::Values& values, const std::string& config_path);
};

}  // namespace of::binance
