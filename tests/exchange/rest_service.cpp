#include "tests/exchange/rest_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/exchange/clock.hpp"
#include "tests/exchange/rest_api.hpp"

namespace of::exchange {

namespace {

std::string tally_name(const std::string& path) {
    static constexpr std::array<std::string_view, 7> routes{
        "/api/v3/ping",   "/api/v3/time",      "/api/v3/exchangeInfo",    "/api/v3/depth",
        "/api/v3/trades", "/api/v3/aggTrades", "/api/v3/historicalTrades"};
    return std::find(routes.begin(), routes.end(), path) == routes.end() ? "other" : path;
}

std::string status_body(unsigned status) {
    if (status == 429) return error_body(-1003, "Too many requests; please use the websocket for live updates.");
    if (status == 418) return error_body(-1003, "Way too many requests; IP banned.");
    if (status == 403) return "<html><body>403 Forbidden</body></html>";
    return error_body(-1000, "An unknown error occurred while processing the request.");
}

ServedReply faulty(const FaultSpec& fault) {
    ServedReply reply;
    reply.status = fault.status;
    reply.body = status_body(fault.status);
    reply.retry_after_s = fault.retry_after;
    return reply;
}

ServedReply answered(const Exchange& exchange, const RestQuery& query, bool in_micros, const FaultSpec* late) {
    RestContext context;
    context.market = exchange.market.get();
    context.now_us = wall_us();
    context.weight_max = exchange.options.rest.weight_max;
    context.in_micros = in_micros;
    context.stale_depth = late != nullptr && late->ms < 0;
    RestReply plain = answer_rest(query, context);
    ServedReply reply;
    reply.status = plain.status;
    reply.body = std::move(plain.body);
    reply.delay_ms = late != nullptr ? std::max<int64_t>(late->ms, 0) : 0;
    return reply;
}

/// Limits first, then faults, then the answer.
ServedReply decide(Exchange& exchange, std::string_view method, const RestQuery& query, bool in_micros) {
    const int64_t now_ms = wall_us() / 1000;
    if (const auto refused = exchange.rest_limits.charge(weight_of(query), now_ms)) {
        ServedReply reply;
        reply.status = refused->status;
        reply.body = status_body(refused->status);
        reply.retry_after_s = refused->retry_after_s;
        return reply;
    }
    if (method != "GET") return refusal(405, -1000, "Market data is read with GET.");
    const auto fault = exchange.plan.on_request(query.path, steady_ms());
    if (fault) exchange.hub->say(fmt::format("fault {} on {}", fault_name(fault->kind), query.path));
    if (fault && fault->kind == FaultKind::rest_status) return faulty(*fault);
    return answered(exchange, query, in_micros, fault ? &*fault : nullptr);
}

}  // namespace

ServedReply serve_rest(Exchange& exchange, std::string_view method, std::string_view target, bool in_micros) {
    const RestQuery query = parse_target(target);
    const int64_t now_ms = wall_us() / 1000;
    RestTally& tally = exchange.rest;
    ++tally.requests[tally_name(query.path)];
    if (now_ms < tally.retry_until_ms) ++tally.early;
    ServedReply reply = decide(exchange, method, query, in_micros);
    reply.used_weight = exchange.rest_limits.used(now_ms);
    ++tally.status[reply.status];
    if (reply.retry_after_s >= 0) {
        tally.retry_until_ms = std::max(tally.retry_until_ms, now_ms + reply.retry_after_s * 1000);
    }
    return reply;
}

ServedReply refusal(unsigned status, int code, std::string_view text, int64_t retry_after_s) {
    ServedReply reply;
    reply.status = status;
    reply.body = error_body(code, text);
    reply.retry_after_s = retry_after_s;
    reply.close = true;
    return reply;
}

}  // namespace of::exchange
