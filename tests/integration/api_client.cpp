#include "tests/integration/api_client.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <simdjson.h>

namespace of::integration {
namespace {

using simdjson::dom::element;

/// Runs `read` on the JSON of a GET; what is missing or of another type is an error with the request in it.
template <typename Read>
auto get_json(uint16_t port, const std::string& target, Read read) -> Expected<decltype(read(element{}))> {
    const auto body = http_get(port, target);
    if (!body) return tl::make_unexpected(body.error());
    try {
        simdjson::dom::parser parser;
        return read(parser.parse(*body).value());
    } catch (const simdjson::simdjson_error& error) {
        return fail(ErrorKind::invalid, fmt::format("the answer to GET {} cannot be read: {}", target, error.what()));
    }
}

e8_t e8_of(const element& text) {
    const auto value = parse_e8(std::string_view(text));
    if (!value) throw simdjson::simdjson_error(simdjson::NUMBER_ERROR);
    return *value;
}

std::vector<Level> levels_of(const element& side) {
    std::vector<Level> levels;
    for (const auto level : simdjson::dom::array(side)) levels.push_back({e8_of(level.at(0)), e8_of(level.at(1))});
    return levels;
}

void append_side(std::string& text, char side, const std::vector<Level>& levels) {
    for (const auto& level : levels)
        fmt::format_to(std::back_inserter(text), "{} {} {}\n", side, level.price, level.quantity);
}

}  // namespace

std::string digest_of(const BookAnswer& book) {
    std::string text;
    append_side(text, 'B', book.bids);
    append_side(text, 'A', book.asks);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned bytes = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &bytes, EVP_sha256(), nullptr);
    std::string hex;
    for (unsigned i = 0; i < bytes; ++i) fmt::format_to(std::back_inserter(hex), "{:02x}", digest[i]);
    return hex;
}

bool ApiClient::healthy() const { return http_get(port_, "/api/health", 2s).has_value(); }

Expected<Stats> ApiClient::stats() const {
    return get_json(port_, "/api/stats", [](const element& document) {
        Stats stats;
        for (const auto [name, row] : simdjson::dom::object(document["symbols"])) {
            stats[std::string(name)] = {row["trades"], row["agg_trades"], row["gaps_open"], row["gaps_repaired"]};
        }
        return stats;
    });
}

Expected<BookAnswer> ApiClient::book(const std::string& symbol) const {
    return get_json(port_, "/api/book?limit=0&symbol=" + symbol, [](const element& document) {
        return BookAnswer{std::string(std::string_view(document["state"])),
                          document["last_update_id"],
                          document["oracle_compared"],
                          document["oracle_mismatched"],
                          document["resets"],
                          levels_of(document["bids"]),
                          levels_of(document["asks"])};
    });
}

Expected<std::vector<std::string>> ApiClient::correlations(const std::string& symbol, size_t limit) const {
    return get_json(port_, fmt::format("/api/trades?symbol={}&limit={}", symbol, limit), [](const element& document) {
        std::vector<std::string> ids;
        for (const auto trade : simdjson::dom::array(document["trades"]))
            ids.emplace_back(std::string_view(trade["correlation"]));
        return ids;
    });
}

}  // namespace of::integration
