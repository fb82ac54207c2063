// The whole stand-in: market, clock, faults, hub and the two servers, owned in one place. One thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <map>
#include <memory>
#include <string>

#include "tests/exchange/certificate.hpp"
#include "tests/exchange/hub.hpp"
#include "tests/exchange/market.hpp"
#include "tests/exchange/options.hpp"
#include "tests/exchange/player.hpp"
#include "tests/exchange/rest_limits.hpp"

namespace of::exchange {

/// What REST has been asked and has answered.
struct RestTally {
    std::map<std::string, uint64_t> requests;  // by path; unknown paths together under "other"
    std::map<unsigned, uint64_t> status;
    uint64_t early = 0;          // requests that came while a Retry-After was still running
    int64_t retry_until_ms = 0;  // wall clock
    uint64_t upgrades_refused = 0;
};

struct Exchange {
    explicit Exchange(Options given) : options(std::move(given)), rest_limits(options.rest) {}

    Options options;
    boost::asio::io_context io{1};
    boost::asio::ssl::context tls{boost::asio::ssl::context::tls_server};
    StreamTable streams;
    FaultPlan plan;
    std::unique_ptr<Market> market;
    std::unique_ptr<Hub> hub;
    std::unique_ptr<Player> player;
    RestLimits rest_limits;
    RestTally rest;
};

/// Runs until SIGTERM or SIGINT; returns the exit code. Errors are one line on stderr.
int run_exchange(Options options);

}  // namespace of::exchange
