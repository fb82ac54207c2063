// The command line of of-exchange.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tests/exchange/error.hpp"
#include "tests/exchange/fault.hpp"
#include "tests/exchange/rest_limits.hpp"

namespace of::exchange {

struct Endpoint {
    std::string host = "127.0.0.1";
    uint16_t port = 0;
};

/// How the server treats a WebSocket connection; documented values, all of them scalable for tests.
struct SessionLimits {
    double ping_seconds = 20;
    double pong_seconds = 60;
    double lifetime_seconds = 86'400;
    double slow_client_seconds = 30;     // a write that makes no progress for so long
    size_t queue_bytes_max = 32u << 20;  // frames waiting for one client
    size_t incoming_per_second_max = 5;
    size_t connections_max = 300;  // upgrades in five minutes
};

struct Options {
    std::string tape;  // empty: synthetic
    uint64_t seed = 0;
    std::vector<std::string> symbols;
    double rate = 400;
    double speed = 1;  // 0: max
    bool start_at_once = false;
    Endpoint listen;
    Endpoint control;
    std::string state_dir;
    std::vector<FaultSpec> faults;
    SessionLimits session;
    RestLimitSettings rest;
    bool die_with_parent = false;
    bool verbose = false;
};

/// The program shall end now, with this code (its message has been printed).
struct ExitCode {
    int value = 0;
};

std::variant<Options, ExitCode> parse_options(int argc, char** argv);

/// "127.0.0.1:0", "[::1]:9443", "localhost:80". Loopback only.
Result<Endpoint> parse_endpoint(std::string_view text);

}  // namespace of::exchange
