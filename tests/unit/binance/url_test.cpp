#include "workers/binance/url.hpp"

#include <catch2/catch.hpp>

#include "workers/binance/backoff.hpp"
#include "workers/binance/rest.hpp"

using namespace of::binance;

TEST_CASE("a URL is taken apart", "[binance][url]") {
    const auto plain = parse_url("wss://data-stream.binance.vision", "wss");
    REQUIRE(plain);
    CHECK(plain->host == "data-stream.binance.vision");
    CHECK(plain->port == "443");
    CHECK(plain->path.empty());
    CHECK(plain->authority() == "data-stream.binance.vision");
    CHECK_FALSE(plain->is_address());
    const auto full = parse_url("https://127.0.0.1:8443/api/", "https");
    REQUIRE(full);
    CHECK(full->port == "8443");
    CHECK(full->path == "/api");
    CHECK(full->is_address());
    CHECK(full->origin() == "https://127.0.0.1:8443");
    const auto six = parse_url("wss://[::1]:9443", "wss");
    REQUIRE(six);
    CHECK(six->host == "::1");
    CHECK(six->authority() == "[::1]:9443");
    CHECK(six->is_address());
}

TEST_CASE("a text that is no TLS URL is refused with a sentence that names it", "[binance][url]") {
    const auto* text = GENERATE("", "ws://plain.example", "http://plain.example", "wss://", "wss://:443",
                                "wss://host:", "wss://host:0", "wss://host:65536", "wss://host:x", "wss://[::1",
                                "wss://ho st", "wss://host/a?b=1", "wss://host/a b", "wss//host");
    CAPTURE(text);
    const auto refused = parse_url(text, "wss");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find(std::string("\"") + text + "\"") == 0);
}

TEST_CASE("all streams of all symbols stand in one path, in lower case and percent-encoded", "[binance][url]") {
    const std::vector<std::string> symbols{"BTCUSDT",
                                           "\xe8\xbf\x99"
                                           "456"};
    const auto base = parse_url("wss://host/base", "wss");
    REQUIRE(base);
    CHECK(streams_target(*base, symbols) ==
          "/base/stream?streams=btcusdt@trade/btcusdt@aggTrade/btcusdt@bookTicker/btcusdt@depth@100ms/"
          "%E8%BF%99456@trade/%E8%BF%99456@aggTrade/%E8%BF%99456@bookTicker/%E8%BF%99456@depth@100ms");
}

TEST_CASE("a delay doubles up to its cap and never passes it", "[binance][backoff]") {
    CHECK(doubled(250, 30'000, 0) == 250);
    CHECK(doubled(250, 30'000, 3) == 2'000);
    CHECK(doubled(250, 30'000, 7) == 30'000);
    CHECK(doubled(250, 30'000, 4'000'000'000) == 30'000);
    CHECK(doubled(500, 250, 0) == 250);
    Chance chance(7);
    bool low = false;
    bool high = false;
    for (uint32_t attempt = 0; attempt < 2'000; ++attempt) {
        const auto full = full_jitter(250, 3'000, attempt % 8, chance);
        CHECK((full >= 0 && full <= doubled(250, 3'000, attempt % 8)));
        low |= full < 100;
        high |= full > 2'500;
        const auto quarter = quarter_jitter(250, 3'000, attempt % 8, chance);
        CHECK((quarter >= doubled(250, 3'000, attempt % 8) && quarter <= doubled(250, 3'000, attempt % 8) * 5 / 4));
    }
    CHECK(low);
    CHECK(high);
}

TEST_CASE("the same seed gives the same chance", "[binance][backoff]") {
    Chance one(42);
    Chance two(42);
    for (int i = 0; i < 100; ++i) CHECK(one.next() == two.next());
    CHECK(one.up_to(0) == 0);
    CHECK(one.up_to(-5) == 0);
}

TEST_CASE("Retry-After is seconds, bounded, or nothing", "[binance][rest]") {
    CHECK(parse_retry_after_ms("7") == 7'000);
    CHECK(parse_retry_after_ms("") == 0);
    CHECK(parse_retry_after_ms("soon") == 0);
    CHECK(parse_retry_after_ms("-3") == 0);
    CHECK(parse_retry_after_ms("99999999999") == int64_t{7} * 86'400 * 1000);
}
