#include "tests/integration/exchange_client.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <filesystem>

namespace of::integration {
namespace {

ExchangeStatus read_status(const simdjson::dom::element& document) {
    ExchangeStatus status;
    status.started = document["started"];
    status.finished = document["finished"];
    status.played = document["played"];
    if (document["seed"].is_uint64()) status.seed = document["seed"];
    for (const auto [name, symbol] : simdjson::dom::object(document["symbols"])) {
        status.symbols[std::string(name)] = {symbol["trades_played"], symbol["agg_trades_played"],
                                             symbol["last_update_id"]};
    }
    return status;
}

}  // namespace

uint64_t ExchangeStatus::trades() const {
    uint64_t sum = 0;
    for (const auto& [name, symbol] : symbols) sum += symbol.trades;
    return sum;
}

Expected<ExchangeAddress> read_exchange_file(const std::string& path) {
    try {
        simdjson::dom::parser parser;
        const simdjson::dom::element document = parser.load(path);
        const std::filesystem::path ca_file{std::string(std::string_view(document["ca_file"]))};
        return ExchangeAddress{
            static_cast<uint16_t>(uint64_t(document["control_port"])), std::filesystem::absolute(ca_file).string(),
            std::string(std::string_view(document["stream_url"])), std::string(std::string_view(document["rest_url"]))};
    } catch (const simdjson::simdjson_error& error) {
        return fail(ErrorKind::invalid,
                    fmt::format("{} is not the exchange.json of a stand-in exchange: {}", path, error.what()));
    }
}

Expected<ExchangeStatus> ExchangeClient::status() const {
    const auto body = http_get(address_.control_port, "/status");
    if (!body) return tl::make_unexpected(body.error());
    try {
        simdjson::dom::parser parser;
        return read_status(parser.parse(*body));
    } catch (const simdjson::simdjson_error& error) {
        return fail(ErrorKind::invalid, fmt::format("the exchange's /status cannot be read: {}", error.what()));
    }
}

Expected<void> ExchangeClient::finish() const {
    const auto answer = http("POST", address_.control_port, "/finish");
    if (!answer) return tl::make_unexpected(answer.error());
    if (answer->status >= 300)
        return fail(ErrorKind::failed,
                    fmt::format("the exchange answered POST /finish with {}: {}", answer->status, answer->body));
    return {};
}

}  // namespace of::integration
