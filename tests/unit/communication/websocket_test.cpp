// The WebSocket side of the real worker: Beast clients on real sockets, the test as feed and storage.
#include <catch2/catch.hpp>

#include "proto/trace.hpp"
#include "tests/unit/communication/socket_client.hpp"
#include "tests/unit/communication/stage.hpp"

using namespace of;
using namespace of::test;
using Catch::Contains;
using Catch::StartsWith;

namespace {

constexpr auto* trades_of_btc = R"({"op":"subscribe","streams":["trades"],"symbols":["BTCUSDT"]})";

/// Until this client has `count` messages with this text.
bool await(Stage& stage, SocketClient& client, std::string_view text, size_t count = 1) {
    return stage.wait([&] {
        client.pump();
        return client.with(text).size() >= count;
    });
}

std::vector<int64_t> sequence(int64_t first, int64_t last) {
    std::vector<int64_t> ids;
    for (int64_t id = first; id <= last; ++id) ids.push_back(id);
    return ids;
}

/// Publishes without lapping the worker.
void publish(Stage& stage, int count, Stage::TradeOptions options = {}) {
    auto* cursor = shm::find_cursor(stage.instance().slot(communication_id), "market.0");
    for (int i = 0; i < count; ++i) {
        if (i % 1000 == 0) stage.wait([&] { return stage.published() - cursor->position.load() < 2000; });
        stage.trade("BTCUSDT", 6'160'201'000'000, 167'177'000, i % 2 == 0, options);
    }
}

}  // namespace

TEST_CASE("websocket: hello, subscribed, and then each trade and quote as it was published", "[process]") {
    Stage stage;
    stage.symbol("BTCUSDT");
    stage.start();
    SocketClient client(stage.port());
    REQUIRE(await(stage, client, "hello"));
    CHECK_THAT(client.messages()[0], StartsWith(R"({"type":"hello","instance":"of-test-)") &&
                                         Contains(R"("symbols":["BTCUSDT"],"server_ns":)"));
    client.send(R"({"op":"subscribe","streams":["trades","quotes"]})");
    REQUIRE(await(stage, client, "subscribed"));
    stage.trade("BTCUSDT", 6'183'763'000'000, 1'000, true, {});
    stage.quote("BTCUSDT", 9, 6'183'762'000'000, 6'183'763'000'000);
    REQUIRE(await(stage, client, "\"quote\""));
    REQUIRE(await(stage, client, "\"trade\""));
    CHECK_THAT(
        client.with("\"trade\"")[0],
        StartsWith(
            R"({"type":"trade","symbol":"BTCUSDT","id":1,"price":"61837.63000000","qty":"0.00001000","time_ns":)") &&
            Contains(R"("buyer_is_maker":true,"correlation":"binance-1-0000000001","seq":0})"));
    CHECK_THAT(
        client.with("\"quote\"")[0],
        Contains(
            R"("update_id":9,"bid_price":"61837.62000000","bid_qty":"1.00000000","ask_price":"61837.63000000","ask_qty":"2.00000000")"));
    client.send(R"({"op":"ping","id":"x1"})");
    CHECK(await(stage, client, R"({"type":"pong","id":"x1","server_ns":)"));
}

TEST_CASE("websocket: only what was asked for comes, and symbols named later come too", "[process]") {
    Stage stage;
    stage.symbol("BTCUSDT");
    stage.start();
    SocketClient named(stage.port());
    SocketClient all(stage.port());
    named.send(R"({"op":"subscribe","streams":["trades"],"symbols":["LATER"]})");
    all.send(R"({"op":"subscribe","streams":["trades"]})");
    REQUIRE(await(stage, named, R"("unknown":["LATER"])"));
    REQUIRE(await(stage, all, "subscribed"));
    stage.symbol("LATER");
    for (int i = 0; i < 3; ++i) stage.trade("LATER");
    stage.trade("BTCUSDT");
    REQUIRE(await(stage, named, "LATER\",\"id\"", 3));
    REQUIRE(await(stage, all, "LATER\",\"id\"", 3));
    REQUIRE(await(stage, all, "BTCUSDT\",\"id\""));
    CHECK_THAT(named.with("\"trade\"")[0], Contains(R"("id":1,)"));
    CHECK(named.with("BTCUSDT\",\"id\"").empty());
    named.send(R"({"op":"unsubscribe","streams":["trades"],"symbols":["LATER"]})");
    REQUIRE(await(stage, named, "unsubscribed"));
    const auto before = named.messages().size();
    stage.trade("LATER");
    named.send(R"({"op":"ping"})");
    REQUIRE(await(stage, named, "pong"));
    CHECK(named.messages().size() == before + 1);
}

TEST_CASE("websocket: a backlog of a symbol that the store does not know yet is empty", "[process]") {
    Stage stage;
    stage.symbol("BTCUSDT");
    stage.start();
    SocketClient client(stage.port());
    client.send(R"({"op":"subscribe","streams":["trades"],"symbols":["BTCUSDT"],"backlog":10})");
    REQUIRE(await(stage, client, R"({"type":"backlog_end","symbol":"BTCUSDT","count":0})"));
    stage.trade("BTCUSDT");
    REQUIRE(await(stage, client, "\"trade\""));
    CHECK(client.with("error").empty());
}

TEST_CASE("websocket: a backlog and the live trades behind it have neither hole nor double", "[process]") {
    Stage stage;
    publish(stage, 100);
    stage.start();
    publish(stage, 50, {.commit = false});  // went by, and not stored yet
    SocketClient client(stage.port());
    client.send(R"({"op":"subscribe","streams":["trades"],"symbols":["BTCUSDT"],"backlog":120})");
    REQUIRE(await(stage, client, "subscribed"));
    publish(stage, 50, {.commit = false});
    client.send(R"({"op":"ping"})");
    REQUIRE(await(stage, client, "pong"));
    CHECK(client.with("\"trade\"").empty());  // the store is not ready: nothing may come before its trades
    stage.commit();
    publish(stage, 50, {.commit = false});
    REQUIRE(stage.wait([&] {
        client.pump();
        const auto ids = client.numbers("trade", "id");
        return !ids.empty() && ids.back() == 250;
    }));
    const auto ids = client.numbers("trade", "id");
    CHECK(ids == sequence(ids.front(), 250));
    const auto end = client.with("backlog_end");
    REQUIRE(end.size() == 1);
    CHECK(end[0] == R"({"type":"backlog_end","symbol":"BTCUSDT","count":120})");
    CHECK(client.with("\"backlog\":true").size() == 120);
    CHECK(client.with("\"gap\"").empty());
}

TEST_CASE("websocket: many backlogs at once, while trades go on, all join exactly", "[process]") {
    Stage stage;
    publish(stage, 300);
    stage.start();
    std::vector<SocketClient> clients;
    for (int i = 0; i < 20; ++i) {
        auto& client = clients.emplace_back(stage.port());
        client.send(R"({"op":"subscribe","streams":["trades"],"backlog":100})");
        publish(stage, 37, {.commit = i % 3 == 0});
        stage.serve();
    }
    stage.commit();
    const auto last = stage.last_id("BTCUSDT");
    for (auto& client : clients) {
        REQUIRE(stage.wait([&] {
            client.pump();
            const auto ids = client.numbers("trade", "id");
            return !ids.empty() && ids.back() == last && !client.with("backlog_end").empty();
        }));
        const auto ids = client.numbers("trade", "id");
        CHECK(ids == sequence(ids.front(), last));
        CHECK(client.with("\"backlog\":true").size() == 100);
    }
}

TEST_CASE("websocket: trades that the store does not have in time are told as a gap", "[process]") {
    Stage stage;
    publish(stage, 10);
    stage.start();
    publish(stage, 5, {.commit = false});
    // What the worker reads after the client has come would be live for it.
    const auto* cursor = shm::find_cursor(stage.instance().slot(communication_id), "market.0");
    REQUIRE(stage.wait([&] { return cursor->position.load() == stage.published(); }));
    SocketClient client(stage.port());
    client.send(R"({"op":"subscribe","streams":["trades"],"symbols":["BTCUSDT"],"backlog":20})");
    REQUIRE(await(stage, client, "backlog_end"));
    CHECK(client.numbers("trade", "id") == sequence(1, 10));
    REQUIRE(client.with("\"gap\"").size() == 1);
    CHECK(client.with("\"gap\"")[0] == R"({"type":"gap","symbol":"BTCUSDT","first_id":11,"last_id":15})");
}

TEST_CASE("websocket: without storage a backlog is an error, and live trades go on", "[process]") {
    Stage stage;
    publish(stage, 10);
    stage.instance().stand_out(storage_id);
    stage.start();
    SocketClient client(stage.port());
    client.send(R"({"op":"subscribe","streams":["trades"],"symbols":["BTCUSDT"],"backlog":20})");
    REQUIRE(await(stage, client, "no backlog of BTCUSDT: storage does not run"));
    publish(stage, 3);
    REQUIRE(await(stage, client, "\"trade\"", 3));
    CHECK(client.numbers("trade", "id") == sequence(11, 13));
    client.send(R"({"op":"subscribe","streams":["trades"],"symbols":["BTCUSDT"],"backlog":20})");
    CHECK(await(stage, client, "subscribed already"));
}

TEST_CASE("websocket: a client that does not read loses trades, is told how many, and delays nobody", "[process]") {
    Stage stage("client_queue_max = 64\nslow_close_ms = 600000");
    stage.symbol("BTCUSDT");
    stage.start();
    SocketClient slow(stage.port(), {.receive_buffer = 4096});
    SocketClient fast(stage.port());
    for (auto* client : {&slow, &fast}) {
        client->send(trades_of_btc);
        REQUIRE(await(stage, *client, "subscribed"));
    }
    constexpr int64_t count = 20'000;
    for (int64_t sent = 0; sent < count; sent += 200) {
        publish(stage, 200);
        REQUIRE(stage.wait([&] {
            fast.pump();
            return fast.messages().size() == static_cast<size_t>(sent) + 202;
        }));
    }
    CHECK(fast.numbers("trade", "id") == sequence(1, count));
    const auto balance = [&] {
        int64_t lost = 0;
        for (const auto n : slow.numbers("lost", "count")) lost += n;
        return std::pair{static_cast<int64_t>(slow.numbers("trade", "id").size()), lost};
    };
    REQUIRE(stage.wait([&] {
        slow.pump();
        return balance().first + balance().second == count;
    }));
    CHECK(balance().second > 0);
    // Each loss stands exactly where the trades are missing.
    int64_t next = 1;
    for (const auto& message : slow.messages()) {
        int64_t number = 0;
        const auto from = message.find(message.starts_with(R"({"type":"lost")") ? "\"count\":" : "\"id\":");
        if (from == std::string::npos) continue;
        number = std::stoll(message.substr(message.find(':', from) + 1));
        if (message.starts_with(R"({"type":"lost")")) {
            next += number;
        } else if (message.starts_with(R"({"type":"trade")")) {
            REQUIRE(number == next);
            ++next;
        }
    }
}

TEST_CASE("websocket: who keeps losing is closed with the reason", "[process]") {
    Stage stage("client_queue_max = 16\nslow_close_ms = 100");
    stage.symbol("BTCUSDT");
    stage.start();
    SocketClient slow(stage.port(), {.receive_buffer = 4096});
    slow.send(trades_of_btc);
    REQUIRE(await(stage, slow, "subscribed"));
    REQUIRE(stage.wait([&] {
        publish(stage, 200);
        return stage.instance().metric(communication_id, "clients") == 0;
    }));
    REQUIRE(stage.instance().metric(communication_id, "messages_dropped_total") > 0);
    CHECK(stage.wait([&] {
        slow.pump();
        return slow.closed();
    }));
}

TEST_CASE("websocket: of quotes a slow client gets the newest", "[process]") {
    Stage stage;
    stage.symbol("BTCUSDT");
    stage.start();
    SocketClient slow(stage.port(), {.receive_buffer = 4096});
    slow.send(R"({"op":"subscribe","streams":["quotes"]})");
    REQUIRE(await(stage, slow, "subscribed"));
    int64_t update = 0;
    REQUIRE(stage.wait([&] {
        for (int i = 0; i < 500; ++i) stage.quote("BTCUSDT", ++update, 100, 200);
        return stage.instance().metric(communication_id, "quotes_conflated_total") > 0;
    }));
    REQUIRE(stage.wait([&] {
        slow.pump();
        const auto ids = slow.numbers("quote", "update_id");
        return !ids.empty() && ids.back() == update;
    }));
    const auto ids = slow.numbers("quote", "update_id");
    CHECK(std::ranges::is_sorted(ids));
    CHECK(ids.size() < static_cast<size_t>(update));
    CHECK(slow.with("\"lost\"").empty());
}

TEST_CASE("websocket: two hundred clients at once, and every one gets every trade", "[process]") {
    Stage stage;
    stage.symbol("BTCUSDT");
    stage.start();
    std::vector<SocketClient> clients;
    for (int i = 0; i < 200; ++i) clients.emplace_back(stage.port()).send(trades_of_btc);
    for (auto& client : clients) REQUIRE(await(stage, client, "subscribed"));
    constexpr int64_t count = 500;
    publish(stage, count);
    for (auto& client : clients) {
        REQUIRE(await(stage, client, "\"trade\"", count));
        CHECK(client.numbers("trade", "id") == sequence(1, count));
    }
    CHECK(stage.wait(
        [&] { return stage.instance().metric(communication_id, "messages_delivered_total") == 200 * count; }));
}

TEST_CASE("websocket: a sampled message leaves one hop, with the number of clients it was given to", "[process]") {
    Stage stage;
    stage.symbol("BTCUSDT");
    stage.start();
    const auto segment =
        stage.instance().segment(ChannelKind::trace, communication_id, communication_id, shm::Access::read_only);
    shm::BroadcastReader<64> hops(segment, 0);
    stage.trade("BTCUSDT");  // nobody is there
    std::vector<SocketClient> clients;
    for (int i = 0; i < 3; ++i) {
        clients.emplace_back(stage.port()).send(trades_of_btc);
        REQUIRE(await(stage, clients.back(), "subscribed"));
    }
    stage.trade("BTCUSDT");
    for (auto& client : clients) REQUIRE(await(stage, client, "\"trade\""));
    alignas(8) std::array<std::byte, 64> buffer;
    std::vector<TraceHop> delivered;
    while (hops.read(buffer.data()) == shm::ReadStatus::message) {
        const auto& hop = *reinterpret_cast<const TraceHop*>(buffer.data());
        if (hop.hop == Hop::delivered) delivered.push_back(hop);
    }
    REQUIRE(delivered.size() == 1);
    CHECK(delivered[0].header.correlation.counter() == 2);
    CHECK(delivered[0].subject == 3);
    CHECK(delivered[0].position == 1);
}

TEST_CASE("websocket: pages of other sites and a full house are refused", "[process]") {
    Stage stage("clients_max = 2");
    stage.start();
    const auto own = fmt::format("http://127.0.0.1:{}", stage.port());
    CHECK_THROWS_WITH(SocketClient(stage.port(), {.origin = "http://evil.example"}), "403");
    CHECK_THROWS_WITH(SocketClient(stage.port(), {.host = "evil.example"}), "403");
    SocketClient first(stage.port(), {.origin = own});
    {
        SocketClient second(stage.port());
        REQUIRE(await(stage, second, "hello"));
        CHECK_THROWS_WITH(SocketClient(stage.port()), "503");
    }
    REQUIRE(stage.wait([&] { return stage.instance().metric(communication_id, "clients") == 1; }));
    CHECK_NOTHROW(SocketClient(stage.port()));
}

TEST_CASE("websocket: bad requests are answered, bad frames end the connection with their code", "[process]") {
    Stage stage;
    stage.start();
    SocketClient client(stage.port());
    client.send("{\"op\":\"buy\"}");
    REQUIRE(await(stage, client, "unknown op"));
    client.send("nonsense");
    REQUIRE(await(stage, client, "not JSON"));
    const std::pair<std::string, int> rows[] = {
        {std::string("\x81\x01x", 3), 1002},
        {std::string("\x82\x81mask?", 7), 1003},
        {std::string("\x81\xff\x00\x00\x00\x01\x00\x00\x00\x00mask", 14), 1009}};
    for (const auto& [bytes, close_code] : rows) {
        SocketClient rude(stage.port());
        rude.send_raw(bytes);
        REQUIRE(stage.wait([&] {
            rude.pump();
            return rude.closed();
        }));
        CHECK(rude.close_code() == close_code);
    }
    client.send(R"({"op":"ping","id":1})");
    CHECK(await(stage, client, "pong"));  // the others are not disturbed
}

TEST_CASE("websocket: a killed worker's successor goes on at its cursor, and clients come back without a hole",
          "[process]") {
    Stage stage;
    publish(stage, 20);
    stage.start();
    auto client = std::make_unique<SocketClient>(stage.port());
    client->send(R"({"op":"subscribe","streams":["trades"],"backlog":20})");
    REQUIRE(await(stage, *client, "backlog_end"));
    publish(stage, 10);
    REQUIRE(await(stage, *client, "\"trade\"", 30));
    stage.kill();
    REQUIRE(stage.wait([&] {
        client->pump();
        return client->closed();
    }));
    publish(stage, 15);
    stage.restart();
    client = std::make_unique<SocketClient>(stage.port());
    client->send(R"({"op":"subscribe","streams":["trades"],"backlog":1000})");
    REQUIRE(await(stage, *client, "backlog_end"));
    publish(stage, 5);
    REQUIRE(await(stage, *client, "\"trade\"", 50));
    CHECK(client->numbers("trade", "id") == sequence(1, 50));
}

TEST_CASE("websocket: a drain says 1001 to each client and ends with exit code 0", "[process]") {
    Stage stage;
    stage.start();
    SocketClient client(stage.port());
    REQUIRE(await(stage, client, "hello"));
    stage.instance().drain(communication_id);
    REQUIRE(stage.wait([&] {
        client.pump();
        return client.closed();
    }));
    CHECK(client.close_code() == 1001);
    CHECK(stage.worker().wait() == 0);
}
