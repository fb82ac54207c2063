// A REST request with everything around its answer: weight, bans, faults, and the tally. Called by the HTTP
// server.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/exchange/exchange.hpp"

namespace of::exchange {

struct ServedReply {
    unsigned status = 200;
    std::string body;
    int64_t used_weight = 0;
    int64_t retry_after_s = -1;  // -1: no header
    int64_t delay_ms = 0;        // a late_snapshot fault: send it so much later
    bool close = false;          // end the connection after it
};

ServedReply serve_rest(Exchange& exchange, std::string_view method, std::string_view target, bool in_micros);

/// A refused upgrade; the connection ends with it.
ServedReply refusal(unsigned status, int code, std::string_view text, int64_t retry_after_s = -1);

}  // namespace of::exchange
