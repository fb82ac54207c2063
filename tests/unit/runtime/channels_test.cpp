#include <catch2/catch.hpp>

#include "tests/support/instance.hpp"
#include "workers/runtime/call.hpp"

using namespace of;
using namespace of::test;

namespace {

/// A segment of the test's instance, opened as a process of the topology would.
shm::Segment open(const Instance& instance, ChannelKind kind, ProcessId writer, ProcessId reader) {
    for (const auto& channel : channels_of(instance.processes())) {
        const bool ends =
            channel.writer == writer && (channel.wire->transport != Transport::queue || channel.reader == reader);
        if (channel.wire->kind == kind && ends)
            return must(shm::Segment::open(spec_of(instance.name(), channel), shm::Access::read_write));
    }
    throw std::runtime_error("the topology has no such channel");
}

Sender<128> sender(const Instance& instance, ChannelKind kind, ProcessId writer, ProcessId reader) {
    return {open(instance, kind, writer, reader), writer, {}};
}
Receiver<128> receiver(const Instance& instance, ChannelKind kind, ProcessId writer, ProcessId reader) {
    return Receiver<128>(open(instance, kind, writer, reader));
}

struct Ends {
    explicit Ends(const Instance& instance, CallServer::Handler handler)
        : caller(sender(instance, ChannelKind::call, communication_id, storage_id),
                 receiver(instance, ChannelKind::reply, storage_id, communication_id)),
          server(receiver(instance, ChannelKind::call, communication_id, storage_id),
                 sender(instance, ChannelKind::reply, storage_id, communication_id), std::move(handler)) {}
    Caller caller;
    CallServer server;
    CorrelationSource ids{communication_id, 1};
};

}  // namespace

TEST_CASE("a call gets its rows in order and then its end, once") {
    const Instance instance;
    Ends ends(instance, [](const Call& call, Reply& reply) {
        for (uint32_t i = 0; i < call.limit; ++i)
            reply.row<ReplyTrade>(MessageType::reply_trade, [&](ReplyTrade& row) { row.id = i; });
        reply.end(CallStatus::ok);
    });
    std::vector<int64_t> rows;
    int ended = 0;
    ends.caller.call(
        {.type = MessageType::call_trades, .correlation = ends.ids.next(), .symbol = "BTCUSDT", .limit = 50},
        [&](const Header& row) { rows.push_back(reinterpret_cast<const ReplyTrade&>(row).id); },
        [&](CallStatus status, uint32_t count) {
            REQUIRE(status == CallStatus::ok);
            REQUIRE(count == 50);
            ++ended;
        });
    REQUIRE(ends.server.poll(10) == 1);
    ends.caller.poll(1000);
    REQUIRE(ended == 1);
    REQUIRE(rows.size() == 50);
    REQUIRE(std::is_sorted(rows.begin(), rows.end()));
}

TEST_CASE("an answer that is begun anew by a server's successor replaces what had come of it") {
    const Instance instance;
    const auto answer = [](int64_t rows) {
        return [rows](const Call&, Reply& reply) {
            for (int64_t i = 0; i < rows; ++i)
                reply.row<ReplyTrade>(MessageType::reply_trade, [&](ReplyTrade& row) { row.id = i; });
            if (rows > 2) reply.end(CallStatus::ok);
        };
    };
    Ends dying(instance, answer(2));
    std::vector<int64_t> rows;
    uint32_t told = 0;
    dying.caller.call(
        {.type = MessageType::call_trades, .correlation = dying.ids.next(), .symbol = "BTCUSDT", .limit = 50},
        [&](const Header& row) {
            if ((row.flags & flag_first) != 0) rows.clear();
            rows.push_back(reinterpret_cast<const ReplyTrade&>(row).id);
        },
        [&](CallStatus, uint32_t count) { told = count; });
    REQUIRE(dying.server.poll(1) == 1);  // it dies before it has told that the call is done with
    dying.caller.poll(1000);
    REQUIRE(rows.size() == 2);
    CallServer successor(receiver(instance, ChannelKind::call, communication_id, storage_id),
                         sender(instance, ChannelKind::reply, storage_id, communication_id), answer(5));
    REQUIRE(successor.poll(10) == 1);
    dying.caller.poll(1000);
    CHECK(rows == std::vector<int64_t>{0, 1, 2, 3, 4});
    CHECK(told == 5);
}

TEST_CASE("a call without an answer ends at its deadline, and a late answer is dropped and counted") {
    const Instance instance;
    Ends ends(instance, [](const Call&, Reply& reply) { reply.end(CallStatus::ok); });
    CallStatus ended = CallStatus::ok;
    int times = 0;
    ends.caller.call({.type = MessageType::call_trades, .correlation = ends.ids.next(), .timeout_ms = 60'000}, nullptr,
                     [&](CallStatus status, uint32_t) {
                         ended = status;
                         ++times;
                     });
    REQUIRE(ends.caller.expire(mono_ns()) == 0);
    REQUIRE(ends.caller.expire(mono_ns() + 120 * ns_per_s) == 1);
    REQUIRE(ended == CallStatus::timed_out);
    ends.server.poll(10);
    ends.caller.poll(10);
    REQUIRE(times == 1);
    REQUIRE(ends.caller.late() == 1);
}

TEST_CASE("a call whose deadline has passed is not served") {
    const Instance instance;
    int served = 0;
    Ends ends(instance, [&](const Call&, Reply& reply) {
        ++served;
        reply.end(CallStatus::ok);
    });
    ends.caller.call({.type = MessageType::call_trades, .correlation = ends.ids.next(), .timeout_ms = -1}, nullptr,
                     [](CallStatus, uint32_t) {});
    REQUIRE(ends.server.poll(10) == 1);
    REQUIRE(served == 0);
    REQUIRE(ends.server.expired() == 1);
}

TEST_CASE("calls beyond a full queue are refused at once") {
    const Instance instance;
    Ends ends(instance, [](const Call&, Reply& reply) { reply.end(CallStatus::ok); });
    int refused = 0;
    for (int i = 0; i < 300; ++i) {
        ends.caller.call({.type = MessageType::call_trades, .correlation = ends.ids.next()}, nullptr,
                         [&](CallStatus status, uint32_t) { refused += status == CallStatus::refused; });
    }
    REQUIRE(refused == 300 - 256);
}

TEST_CASE("a reply that finds the queue full ends the call as overloaded") {
    const Instance instance;
    Ends ends(instance, [](const Call&, Reply& reply) {
        for (int i = 0; i < 20'000; ++i) {
            if (!reply.row<ReplyTrade>(MessageType::reply_trade, [](ReplyTrade&) {})) break;
        }
        reply.end(CallStatus::ok);
    });
    CallStatus ended = CallStatus::ok;
    ends.caller.call(
        {.type = MessageType::call_trades, .correlation = ends.ids.next()}, [](const Header&) {},
        [&](CallStatus status, uint32_t) { ended = status; });
    ends.server.poll(1);
    ends.caller.poll(100'000);
    ends.caller.expire(mono_ns() + 120 * ns_per_s);
    REQUIRE(ended == CallStatus::timed_out);  // not even the end found room: the caller's own deadline speaks
}

TEST_CASE("a subscriber goes on at its predecessor's cursor, and elsewhere in another ring") {
    const Instance instance;
    const auto market = open(instance, ChannelKind::market, binance_id, binance_id);
    Publisher<128> publisher(open(instance, ChannelKind::market, binance_id, binance_id), binance_id, {});
    for (int64_t id = 1; id <= 10; ++id) {
        publisher.claim();
        publisher.message<Trade>(MessageType::trade, {}).id = id;
        publisher.commit();
    }
    shm::Cursor cursor{};
    {
        Subscriber<128> first(open(instance, ChannelKind::market, binance_id, binance_id), cursor, 0);
        REQUIRE_FALSE(first.resumed());
        for (int i = 0; i < 4; ++i) REQUIRE(first.read() == shm::ReadStatus::message);
        first.acknowledge();
        REQUIRE(first.read() == shm::ReadStatus::message);  // read, but never acknowledged
    }
    Subscriber<128> second(open(instance, ChannelKind::market, binance_id, binance_id), cursor, 9);
    REQUIRE(second.resumed());
    REQUIRE(second.read() == shm::ReadStatus::message);
    REQUIRE(second.message<Trade>().id == 5);
    cursor.generation.store(1);
    Subscriber<128> stranger(open(instance, ChannelKind::market, binance_id, binance_id), cursor, 9);
    REQUIRE(stranger.read() == shm::ReadStatus::message);
    REQUIRE(stranger.message<Trade>().id == 10);
}
