#include "proto/correlation.hpp"

#include <catch2/catch.hpp>

using namespace of;

TEST_CASE("a correlation ID prints and parses as origin, incarnation and counter") {
    const auto id = CorrelationId::make({ProcessKind::binance, 0}, 3, 0xa1b2c);
    REQUIRE(to_string(id) == "binance-3-00000a1b2c");
    REQUIRE(parse_correlation("binance-3-00000a1b2c") == id);
    const auto second = CorrelationId::make({ProcessKind::binance, 2}, 65535, CorrelationId::counter_mask);
    REQUIRE(to_string(second) == "binance.2-65535-ffffffffff");
    REQUIRE(parse_correlation(to_string(second)) == second);
    REQUIRE(second.origin() == ProcessId{ProcessKind::binance, 2});
    REQUIRE(second.incarnation() == 65535);
}

TEST_CASE("text that is no correlation ID is refused") {
    for (const std::string_view text :
         {"", "-", "binance", "binance-3", "binance-3-a1b2c", "binance-3-00000a1b2g", "bitcoin-3-00000a1b2c",
          "binance-65536-00000a1b2c", "binance--00000a1b2c", "storage.1-1-0000000001", "binance.9-1-0000000001",
          "binance-3-00000a1b2c ", "-3-00000a1b2c"}) {
        INFO(text);
        REQUIRE_FALSE(parse_correlation(text).has_value());
    }
}

TEST_CASE("a source gives each ID once and begins anew in each incarnation") {
    CorrelationSource first({ProcessKind::storage, 0}, 1);
    CorrelationSource second({ProcessKind::storage, 0}, 2);
    const auto a = first.next();
    const auto b = first.next();
    REQUIRE(a.counter() == 1);
    REQUIRE_FALSE(a == b);
    REQUIRE_FALSE(second.next() == a);
}

TEST_CASE("process names parse back to the process") {
    for (const auto kind : process_kinds) REQUIRE(parse_process(name_of(ProcessId{kind, 0})) == ProcessId{kind, 0});
    REQUIRE(parse_process("binance.7") == ProcessId{ProcessKind::binance, 7});
    for (const auto* name : {"binance.0", "binance.8", "binance.", "logger.1", "Binance", "binance.1x", ""}) {
        INFO(name);
        REQUIRE_FALSE(parse_process(name).has_value());
    }
}
