// The REST side of the stand-in: what each route answers, from what has been played so far. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "tests/exchange/market.hpp"
#include "tests/exchange/rest_query.hpp"

namespace of::exchange {

struct RestContext {
    const Market* market = nullptr;
    int64_t now_us = 0;
    int64_t weight_max = 6000;  // as exchangeInfo says it
    bool in_micros = false;     // X-MBX-TIME-UNIT: MICROSECOND
    bool stale_depth = false;   // a late_snapshot fault: answer depth from before anything was streamed
};

struct RestReply {
    unsigned status = 200;
    std::string body;
};

/// What the request costs, also when it is refused; an unknown route costs 1.
int64_t weight_of(const RestQuery& query);

RestReply answer_rest(const RestQuery& query, const RestContext& context);

/// {"code":-1121,"msg":"Invalid symbol."}
std::string error_body(int code, std::string_view text);

}  // namespace of::exchange
