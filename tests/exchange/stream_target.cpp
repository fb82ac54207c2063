#include "tests/exchange/stream_target.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tests/exchange/rest_query.hpp"

namespace of::exchange {

namespace {

Result<void> add_streams(std::string_view names, Subscriptions& subscriptions) {
    while (!names.empty()) {
        const std::string_view name = names.substr(0, names.find('/'));
        names.remove_prefix(std::min(names.size(), name.size() + 1));
        if (!valid_stream_name(name)) return fail("A stream's name is empty or holds characters that none has.");
        subscriptions.add(name);
        if (subscriptions.streams.size() > streams_max) return fail(fmt::format("More than {} streams.", streams_max));
    }
    return {};
}

Result<bool> micros_of(const RestQuery& query, bool market_has_micros) {
    const std::string_view unit = query.find("timeUnit").value_or("MILLISECOND");
    if (unit == "MILLISECOND" || unit == "millisecond") return false;
    if (unit != "MICROSECOND" && unit != "microsecond") return fail("timeUnit is MICROSECOND or MILLISECOND.");
    if (!market_has_micros) return fail("A tape has the times that were recorded; no other timeUnit can be had.");
    return true;
}

}  // namespace

Result<StreamTarget> parse_stream_target(std::string_view target, bool market_has_micros) {
    const RestQuery query = parse_target(target);
    StreamTarget out;
    std::string_view names;
    if (query.path == "/stream") {
        out.subscriptions.combined = true;
        names = query.find("streams").value_or("");
    } else if (query.path.starts_with("/ws/")) {
        names = std::string_view(query.path).substr(4);
    } else if (query.path != "/ws") {
        return fail("Streams are at /stream?streams=a/b and /ws/a.");
    }
    const auto micros = micros_of(query, market_has_micros);
    if (!micros) return tl::unexpected(micros.error());
    out.in_micros = *micros;
    if (auto added = add_streams(names, out.subscriptions); !added) return tl::unexpected(added.error());
    return out;
}

}  // namespace of::exchange
