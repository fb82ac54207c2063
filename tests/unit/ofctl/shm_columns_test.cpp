// Columns of shm ls and shm hz whose numbers a test knows.
#include <catch2/catch.hpp>

#include "supervisor/ofctl/publish_times.hpp"
#include "tests/unit/ofctl/support.hpp"

using namespace of;
using namespace of::test;

namespace {

shm::Segment market_ring(const Instance& instance) {
    for (const auto& channel : channels_of(instance.processes())) {
        if (channel.name() == "market.0")
            return must(shm::Segment::open(spec_of(instance.name(), channel), shm::Access::read_write));
    }
    throw std::runtime_error("no market ring");
}

/// Sets when the messages were published and received: `interval_ns` after another from `from_ns` on, each
/// `latency_ns` times its place after its receipt, by a wall clock that is `ahead_ns` ahead.
struct Times {
    uint64_t from_ns = 0;
    uint64_t interval_ns = 0;
    uint64_t latency_ns = 0;
    uint64_t ahead_ns = 0;

    void set(const shm::Segment& ring, uint64_t first, uint64_t end) const {
        for (auto position = first; position < end; ++position) {
            auto* message = ring.slots() + (position & (ring.header().slots - 1)) * ring.header().slot_bytes + 8;
            const auto place = position - first;
            const auto published = from_ns + place * interval_ns;
            const auto received = published + ahead_ns - (place + 1) * latency_ns;
            std::memcpy(message + offsetof(Header, publish_ns), &published, sizeof published);
            std::memcpy(message + offsetof(Trade, receive_ns), &received, sizeof received);
        }
    }
};

void set_cursor(const Instance& instance, ProcessId process, uint64_t generation, uint64_t position) {
    auto& cursor = *shm::find_cursor(instance.slot(process), "market.0");
    cursor.generation.store(generation);
    cursor.position.store(position);
}

}  // namespace

TEST_CASE("shm ls tells of a broadcast ring the lag of the reader that is furthest behind") {
    Instance instance;
    publish_trades(instance, 20);
    const auto generation = market_ring(instance).header().generation;
    const auto ask = [&] { return run_ofctl(fmt::format("--instance {} --json shm ls", instance.name())); };
    const std::string market = R"("written":20,"waiting":0,"refused":0,"lag":)";
    CHECK(has(ask(), market + "null"));
    set_cursor(instance, storage_id, generation, 5);
    set_cursor(instance, communication_id, generation, 12);
    CHECK(has(ask(), market + "15,"));
    set_cursor(instance, storage_id, generation + 1, 5);
    CHECK(has(ask(), market + "8,"));
    const auto table = run_ofctl(fmt::format("--instance {} shm ls", instance.name()));
    INFO(table.text);
    CHECK(has(table, "LAG"));
    CHECK(widest_line(table.text) <= 80);
}

TEST_CASE("shm ls counts the processes that have a segment mapped, and cannot for copies") {
    const Instance instance;
    publish_trades(instance, 20);
    const auto market = [](const Output& output) {
        const auto begin = output.text.find(R"({"name":"market.0")");
        return output.text.substr(begin, output.text.find('}', begin) - begin);
    };
    const auto ask = [&] { return market(run_ofctl(fmt::format("--instance {} --json shm ls", instance.name()))); };
    CHECK(ask().find(R"("attached":0,)") != std::string::npos);
    const auto once = market_ring(instance);
    const auto twice = market_ring(instance);
    CHECK(ask().find(R"("attached":1,)") != std::string::npos);
    const auto copied = market(run_ofctl(fmt::format("--from {} --json shm ls", copy_of(instance))));
    INFO(copied);
    CHECK(copied.find(R"("attached":null,)") != std::string::npos);
    CHECK(has(run_ofctl(fmt::format("--instance {} shm ls -o wide", instance.name())), "ATTACHED  USED%"));
}

TEST_CASE("the longest gap and the latencies are those of the messages of the interval") {
    const Instance instance;
    const auto ring = market_ring(instance);
    ofctl::PublishTimes times("market.0", market_ring(instance));
    times.look(0);
    CHECK_FALSE(times.longest_gap_ns());
    CHECK_FALSE(times.latency());
    publish_trades(instance, 100);
    const uint64_t ahead = 1'700'000'000'000'000'000;
    Times{.from_ns = 5'000'000, .interval_ns = 2'000, .latency_ns = 1'000, .ahead_ns = ahead}.set(ring, 0, 40);
    Times{.from_ns = 6'000'000, .interval_ns = 1'000, .latency_ns = 1'000, .ahead_ns = ahead}.set(ring, 40, 100);
    times.look(static_cast<int64_t>(ahead));
    CHECK(times.longest_gap_ns() == 6'000'000u - (5'000'000u + 39u * 2'000u));
    REQUIRE(times.latency());
    CHECK(times.latency()->messages == 100);
    CHECK(times.latency()->p50_ns == Approx(25'000).epsilon(0.01));
    CHECK(times.latency()->p99_ns == Approx(59'000).epsilon(0.01));
    times.begin();
    times.look(static_cast<int64_t>(ahead));
    CHECK_FALSE(times.longest_gap_ns());
    publish_trades(instance, 1);
    Times{.from_ns = 9'059'000, .ahead_ns = ahead}.set(ring, 100, 101);
    times.look(static_cast<int64_t>(ahead));
    CHECK(times.longest_gap_ns() == 3'000'000u);
}

TEST_CASE("across what was overwritten before it was read there is no gap") {
    const Instance instance({.market_slots = 1024});
    publish_trades(instance, 10);
    ofctl::PublishTimes times("market.0", market_ring(instance));
    publish_trades(instance, 3000);
    const auto ring = market_ring(instance);
    REQUIRE(ring.header().slots == 1024);
    Times{.from_ns = 1'000'000'000'000'000'000, .interval_ns = 10}.set(ring, 3010 - 1024, 3010);
    times.look(0);
    CHECK(times.longest_gap_ns() == 10u);
    CHECK(times.latency()->messages == 1024);
}
