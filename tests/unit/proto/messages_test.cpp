#include <catch2/catch.hpp>
#include <set>

#include "proto/log_catalog.hpp"
#include "proto/market.hpp"
#include "proto/schema.hpp"
#include "proto/topology.hpp"

using namespace of;

TEST_CASE("a depth message takes one slot for three levels and one more for each six") {
    REQUIRE(depth_slots(0) == 1);
    REQUIRE(depth_slots(3) == 1);
    REQUIRE(depth_slots(4) == 2);
    REQUIRE(depth_slots(9) == 2);
    REQUIRE(depth_slots(10) == 3);
    REQUIRE(depth_slots(depth_levels_max) == depth_slots_max);
}

TEST_CASE("fixed text is cut at a UTF-8 border and never reads past its end") {
    FixedText<8> text("abc");
    REQUIRE(text.view() == "abc");
    text.assign("这是测试币");  // three bytes each: two whole characters fit
    REQUIRE(text.view() == "这是");
    text.assign("12345678");
    REQUIRE(text.view() == "12345678");
}

TEST_CASE("a log record says its sentence with its arguments in place") {
    LogRecord record{};
    log_event::gap_found(record, "BTCUSDT", "trade", 5, -7);
    REQUIRE(record.level == LogLevel::warn);
    REQUIRE(render(record) == "BTCUSDT trade ids missing: 5 to -7");
    log_event::worker_stopped(record, "storage", 12);
    REQUIRE(render(record) == "storage has stopped after 12 messages");
}

TEST_CASE("a text that does not fit a record is cut, and numbers never are") {
    LogRecord record{};
    const std::string huge(1000, 'x');
    log_event::line_lost(record, huge, "reset by peer", 42);
    const auto text = render(record);
    REQUIRE(text.find("next attempt in 42 ms") != std::string::npos);
    REQUIRE(record.size <= record.arguments.size());
}

TEST_CASE("damaged log records render without reading outside themselves") {
    LogRecord record{};
    for (int id = 0; id < 300; ++id) {
        for (int size = 0; size < 256; size += 5) {
            record.id = static_cast<uint16_t>(id);
            record.size = static_cast<uint8_t>(size);
            record.arguments.fill(static_cast<char>(0xff));
            REQUIRE_FALSE(render(record).empty());
        }
    }
}

TEST_CASE("every channel of the topology has a name of its own") {
    const auto processes = processes_of(2);
    std::set<std::string> names;
    for (const auto& channel : channels_of(processes)) {
        INFO(channel.name());
        REQUIRE(names.insert(channel.name()).second);
    }
    for (const auto* name :
         {"control", "market.0", "market.1", "log.supervisor", "log.binance.1", "command.storage", "event.logger",
          "call.communication.storage", "reply.binance.1.communication", "metrics.storage", "book.1"}) {
        INFO(name);
        REQUIRE(names.contains(name));
    }
}

TEST_CASE("the readers of a market ring are storage and communication") {
    const auto processes = processes_of(1);
    for (const auto& channel : channels_of(processes)) {
        if (channel.wire->kind != ChannelKind::market) continue;
        const auto readers = readers_of(channel, processes);
        REQUIRE(readers.size() == 2);
        REQUIRE(readers[0].kind == ProcessKind::storage);
        REQUIRE(readers[1].kind == ProcessKind::communication);
    }
}

TEST_CASE("a schema that was printed parses back, field by field") {
    const auto messages = parse_schema(schema_of(ChannelKind::market));
    REQUIRE(messages.size() == 10);
    REQUIRE(messages[0].name == "trade");
    REQUIRE(messages[0].bytes == sizeof(Trade));
    const auto price = std::find_if(messages[0].fields.begin(), messages[0].fields.end(),
                                    [](const Field& field) { return field.name == "price"; });
    REQUIRE(price != messages[0].fields.end());
    REQUIRE(price->kind == "e8");
    REQUIRE(price->offset == offsetof(Trade, price));
}

TEST_CASE("a hostile schema yields only fields that lie inside their message") {
    const auto messages = parse_schema(
        "message trade 1 72\nprice e8 70\nquantity e8 18446744073709551615\nid i64 64\nlevels level 0 99999999999\n\n "
        "x\nmessage\n");
    REQUIRE(messages.size() == 2);
    REQUIRE(messages[0].fields.size() == 1);
    REQUIRE(messages[0].fields[0].name == "id");
}
