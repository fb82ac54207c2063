// The storage worker as a process of its own: killed in mid-batch, lapped, refused by the disk, drained,
// asked.
#include <sys/resource.h>

#include <fstream>
#include <random>

#include "tests/support/instance.hpp"
#include "tests/unit/storage/support.hpp"

namespace of::storage {

using of::test::binance_id;
using of::test::communication_id;
using of::test::Instance;
using of::test::storage_id;
using of::test::wait_until;
using test::make_trade;
using test::noon;
using test::number;

namespace {

constexpr std::string_view trades_stored = R"(table="trades")";

class Feed {
  public:
    explicit Feed(Instance& instance)
        : publisher_(instance.publisher<128>(ChannelKind::market, binance_id)),
          symbol_(*instance.book().add("BTCUSDT")) {}

    void publish(int64_t first, int64_t last, int64_t trade_ns = noon) {
        for (auto id = first; id <= last; ++id) {
            publisher_.claim();
            auto& trade = publisher_.message<Trade>(MessageType::trade, make_trade(id).header.correlation);
            const auto header = trade.header;
            trade = make_trade(id, trade_ns, flag_sampled);
            trade.header = header;
            trade.header.flags = flag_sampled;
            trade.header.symbol = symbol_;
            publisher_.commit();
        }
    }
    uint64_t tail() const { return publisher_.writer().tail(); }

  private:
    Publisher<128> publisher_;
    uint16_t symbol_;
};

std::string today_file(const Instance& instance) { return instance.data_dir() + "/" + file_name(day_of(noon)); }
uint64_t cursor_position(const Instance& instance) {
    return shm::find_cursor(instance.slot(storage_id), "market.0")->position.load();
}
std::string storage_program() { return of::test::program("workers/storage/of-storage"); }

bool stored_up_to(const Instance& instance, const Feed& feed) {
    return wait_until([&] { return cursor_position(instance) == feed.tail(); });
}

int drain(Instance& instance, of::test::Child& storage) {
    instance.drain(storage_id);
    return storage.wait();
}

}  // namespace

TEST_CASE("storage killed at any moment stores each trade exactly once", "[storage][process]") {
    Instance instance({.market_slots = 65'536});
    instance.write_config("[storage]\nbatch_rows_max = 50\nbatch_age_ms = 2\n");
    Feed feed(instance);
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    int64_t published = 0;
    for (int round = 0; round < 8; ++round) {
        auto storage = instance.start_and_wait(storage_id, storage_program());
        const auto target = cursor_position(instance) + 1 + random() % 2'000;
        while (cursor_position(instance) < target) {
            if (feed.tail() - cursor_position(instance) > 10'000) continue;  // laps are the next test's
            feed.publish(published + 1, published + 20);
            published += 20;
        }
        storage.kill();
    }
    auto storage = instance.start_and_wait(storage_id, storage_program());
    REQUIRE(stored_up_to(instance, feed));
    CHECK(drain(instance, storage) == 0);
    const auto file = today_file(instance);
    CHECK(number(file, "SELECT count(*) FROM trades") == published);
    CHECK(number(file, "SELECT max(trade_id) FROM trades") == published);
    CHECK(number(file, "SELECT rows FROM counters WHERE kind = 0") == published);
    CHECK(number(file, "SELECT count(*) FROM gaps") == 0);
    CHECK(number(file, "SELECT position FROM cursors") == published);
    CHECK(number(file, "SELECT sum(price_e8 - trade_id != 6183763000000) FROM trades") == 0);
    CHECK(instance.metric(storage_id, "messages_lost_total") == 0);
}

TEST_CASE("a storage that was away too long says what the ring has lost", "[storage][process]") {
    Instance instance;
    instance.write_config("");
    Feed feed(instance);
    feed.publish(1, 100);
    {
        auto storage = instance.start_and_wait(storage_id, storage_program());
        REQUIRE(stored_up_to(instance, feed));
        storage.kill();
    }
    feed.publish(101, 30'000);
    auto storage = instance.start_and_wait(storage_id, storage_program());
    REQUIRE(stored_up_to(instance, feed));
    CHECK(drain(instance, storage) == 0);
    const auto file = today_file(instance);
    const auto lost = instance.metric(storage_id, "messages_lost_total");
    CHECK(lost > 0);
    CHECK(number(file, "SELECT count(*) FROM trades") == 30'000 - lost);
    CHECK(number(file, "SELECT sum(last_id - first_id + 1) FROM gaps WHERE cause = 'lapped'") == lost);
    CHECK(number(file, "SELECT first_id FROM gaps") == 101);
    CHECK(static_cast<int64_t>(shm::find_cursor(instance.slot(storage_id), "market.0")->lost.load()) == lost);
}

TEST_CASE("a ring of another generation is read from its oldest message", "[storage][process]") {
    Instance first;
    first.write_config("");
    {
        Feed feed(first);
        feed.publish(1, 500);
        auto storage = first.start_and_wait(storage_id, storage_program());
        REQUIRE(stored_up_to(first, feed));
        storage.kill();
    }
    Instance second;
    second.write_config("");
    Feed feed(second);
    feed.publish(401, 700);  // partly the same trades
    auto storage = second.start_and_wait(storage_id, storage_program(), {"--data-dir", first.data_dir()});
    REQUIRE(stored_up_to(second, feed));
    CHECK(drain(second, storage) == 0);
    CHECK(second.metric(storage_id, "rows_duplicate_total") == 100);
    CHECK(number(today_file(first), "SELECT count(*) FROM trades") == 700);
    CHECK(number(today_file(first), "SELECT count(*) FROM gaps") == 0);
}

TEST_CASE("a full disk delays batches and loses none", "[storage][process]") {
    Instance instance;
    instance.write_config("[storage]\nbatch_rows_max = 100\n");
    Feed feed(instance);
    const auto before = signal(SIGXFSZ, SIG_IGN);  // inherited: the limit is an error of write(2), as on a full disk
    auto storage = instance.start_and_wait(storage_id, storage_program());
    signal(SIGXFSZ, before);
    feed.publish(1, 100);
    REQUIRE(stored_up_to(instance, feed));
    rlimit limit{};
    REQUIRE(prlimit(storage.pid(), RLIMIT_FSIZE, nullptr, &limit) == 0);
    const rlimit tight{128 * 1024, limit.rlim_max};
    REQUIRE(prlimit(storage.pid(), RLIMIT_FSIZE, &tight, nullptr) == 0);
    feed.publish(101, 5'000);
    REQUIRE(wait_until([&] { return instance.metric(storage_id, "store_failures_total") > 1; }));
    CHECK(cursor_position(instance) < feed.tail());
    REQUIRE(prlimit(storage.pid(), RLIMIT_FSIZE, &limit, nullptr) == 0);
    REQUIRE(stored_up_to(instance, feed));
    CHECK(drain(instance, storage) == 0);
    CHECK(number(today_file(instance), "SELECT count(*) FROM trades") == 5'000);
    CHECK(number(today_file(instance), "SELECT count(*) FROM gaps") == 0);
    CHECK(instance.metric(storage_id, "rows_stored_total", trades_stored) == 5'000);
    CHECK(instance.metric(storage_id, "rows_duplicate_total") == 0);
}

TEST_CASE("a draining storage stores the last word of a stopping feed, then empties its log", "[storage][process]") {
    Instance instance;
    instance.write_config("[storage]\nbatch_age_ms = 10000\n");
    instance.stand_in(binance_id);
    instance.control().instance.stopping.store(1);
    Feed feed(instance);
    auto storage = instance.start_and_wait(storage_id, storage_program());
    feed.publish(1, 10);
    instance.drain(storage_id);
    REQUIRE(wait_until([&] { return instance.state(storage_id) == WorkerState::draining; }));
    REQUIRE(stored_up_to(instance, feed));  // at once, though batches may wait 10 s
    CHECK_FALSE(storage.ended());           // the feed lives
    feed.publish(11, 20);
    instance.stand_out(binance_id);
    CHECK(storage.wait() == 0);
    CHECK_FALSE(std::filesystem::exists(today_file(instance) + "-wal"));
    CHECK(number(today_file(instance), "SELECT count(*) FROM trades") == 20);
}

TEST_CASE("a storage restarted alone does not wait for its feed", "[storage][process]") {
    Instance instance;
    instance.write_config("");
    instance.stand_in(binance_id);
    Feed feed(instance);
    feed.publish(1, 10);
    auto storage = instance.start_and_wait(storage_id, storage_program());
    CHECK(drain(instance, storage) == 0);
    CHECK(number(today_file(instance), "SELECT count(*) FROM trades") == 10);
}

TEST_CASE("sampled rows leave a hop once they are stored", "[storage][process]") {
    Instance instance;
    instance.write_config("");
    Feed feed(instance);
    feed.publish(1, 3);
    auto storage = instance.start_and_wait(storage_id, storage_program());
    REQUIRE(stored_up_to(instance, feed));
    CHECK(drain(instance, storage) == 0);
    const auto segment = instance.segment(ChannelKind::trace, storage_id, storage_id, shm::Access::read_only);
    shm::BroadcastReader<64> trace(segment, 0);
    std::vector<TraceHop> hops;
    alignas(8) std::array<std::byte, 64> buffer{};
    while (trace.read(buffer.data()) == shm::ReadStatus::message) {
        const auto& hop = *reinterpret_cast<const TraceHop*>(buffer.data());
        if (hop.hop == Hop::stored) hops.push_back(hop);  // a warning of its own leaves one as well
    }
    REQUIRE(hops.size() == 3);
    CHECK(hops[2].hop == Hop::stored);
    CHECK(hops[2].subject == 3);
    CHECK(hops[2].position == 2);
    CHECK(hops[2].header.correlation == make_trade(3).header.correlation);
}

namespace {

struct Answer {
    std::optional<CallStatus> status;
    std::vector<int64_t> ids;
    std::vector<ReplyStorageStats> stats;
};

Answer ask(Caller& caller, MessageType type, std::string_view symbol, int64_t from_id = 0, uint32_t limit = 10) {
    static uint64_t counter = 0;
    Answer answer;
    caller.call(
        {.type = type,
         .correlation = CorrelationId::make(communication_id, 1, ++counter),
         .symbol = symbol,
         .from_id = from_id,
         .limit = limit},
        [&](const Header& row) {
            if (row.type == MessageType::reply_trade) answer.ids.push_back(reinterpret_cast<const ReplyTrade&>(row).id);
            if (row.type == MessageType::reply_storage_stats)
                answer.stats.push_back(reinterpret_cast<const ReplyStorageStats&>(row));
        },
        [&](CallStatus status, uint32_t) { answer.status = status; });
    wait_until([&] {
        caller.poll(1'000);
        caller.expire(mono_ns());
        return answer.status.has_value();
    });
    return answer;
}

}  // namespace

TEST_CASE("a day begins and an old one is removed in the sandbox", "[storage][process]") {
    Instance instance({.market_slots = 32'768});
    instance.write_config("[storage]\nretention_days = 1\n");
    Feed feed(instance);
    feed.publish(1, 50, noon);
    auto storage = instance.start_and_wait(storage_id, storage_program());
    REQUIRE(stored_up_to(instance, feed));
    REQUIRE(std::filesystem::exists(today_file(instance)));
    std::ifstream status("/proc/" + std::to_string(storage.pid()) + "/status");
    const std::string facts{std::istreambuf_iterator<char>(status), {}};
    CHECK(facts.find("NoNewPrivs:\t1") != std::string::npos);
    feed.publish(51, 100, noon + ns_per_day);
    REQUIRE(stored_up_to(instance, feed));
    const auto tomorrow = instance.data_dir() + "/" + file_name(day_of(noon + ns_per_day));
    CHECK(number(tomorrow, "SELECT count(*) FROM trades") == 50);
    CHECK(wait_until([&] { return !std::filesystem::exists(today_file(instance)); }));
    CHECK_FALSE(storage.ended());
}

TEST_CASE("queries answer from all days, committed rows only", "[storage][process]") {
    Instance instance({.market_slots = 32'768});
    instance.write_config("");
    Feed feed(instance);
    feed.publish(1, 50, noon);
    feed.publish(51, 100, noon + ns_per_day);
    feed.publish(103, 110, noon + ns_per_day);
    auto storage = instance.start_and_wait(storage_id, storage_program());
    REQUIRE(stored_up_to(instance, feed));
    const auto caller = instance.caller(communication_id, storage_id);
    SECTION("the newest, oldest first, across midnight") {
        const auto answer = ask(*caller, MessageType::call_trades, "BTCUSDT", 0, 60);
        CHECK(answer.status == CallStatus::ok);
        REQUIRE(answer.ids.size() == 60);
        CHECK(answer.ids.front() == 49);
        CHECK(answer.ids.back() == 110);
        CHECK(std::ranges::is_sorted(answer.ids));
    }
    SECTION("above an id") {
        const auto answer = ask(*caller, MessageType::call_trades, "BTCUSDT", 48, 4);
        CHECK(answer.ids == std::vector<int64_t>{49, 50, 51, 52});
        CHECK(ask(*caller, MessageType::call_trades, "BTCUSDT", 110, 4).ids.empty());
        CHECK(ask(*caller, MessageType::call_trades, "BTCUSDT", from_first, 2).ids == std::vector<int64_t>{1, 2});
    }
    SECTION("what cannot be answered says why") {
        CHECK(ask(*caller, MessageType::call_trades, "NOSUCH").status == CallStatus::not_found);
        CHECK(ask(*caller, MessageType::call_trades, "").status == CallStatus::bad_request);
        CHECK(ask(*caller, MessageType::call_trades, "BTCUSDT", 0, 0).status == CallStatus::bad_request);
        CHECK(ask(*caller, MessageType::call_trades, "BTCUSDT", -2).status == CallStatus::bad_request);
        CHECK(ask(*caller, MessageType::call_book, "BTCUSDT").status == CallStatus::bad_request);
    }
    SECTION("totals") {
        const auto answer = ask(*caller, MessageType::call_storage_stats, "");
        CHECK(answer.status == CallStatus::ok);
        REQUIRE(answer.stats.size() == 1);
        CHECK(answer.stats[0].symbol.view() == "BTCUSDT");
        CHECK(answer.stats[0].trades == 108);
        CHECK(answer.stats[0].agg_trades == 0);
        CHECK(answer.stats[0].gaps_open == 2);
        CHECK(answer.stats[0].last_trade_id == 110);
        CHECK(ask(*caller, MessageType::call_storage_stats, "NOSUCH").status == CallStatus::not_found);
    }
    SECTION("a limit above the bound is cut to it, and the reply queue holds that") {
        feed.publish(111, 12'000, noon + ns_per_day);
        REQUIRE(stored_up_to(instance, feed));
        const auto answer = ask(*caller, MessageType::call_trades, "BTCUSDT", 0, 1'000'000);
        CHECK(answer.status == CallStatus::ok);
        REQUIRE(answer.ids.size() == 10'000);
        CHECK(answer.ids.front() == 2'001);
    }
    CHECK(drain(instance, storage) == 0);
}

TEST_CASE("storage that cannot have its directory says so and ends with code 10", "[storage][process]") {
    Instance instance;
    instance.write_config("");
    auto storage = instance.start(storage_id, storage_program(), {"--data-dir", "/proc/none/data"});
    CHECK(storage.wait() == code(ExitCode::no_resources));
    CHECK(storage.output().starts_with("of-storage: data directory /proc/none/data cannot be made: "));
}

TEST_CASE("storage checks its section of the configuration", "[storage][process]") {
    Instance instance;
    instance.write_config("[storage]\nbatch_rows_max = 0\nsynchronous = \"sometimes\"\nbatch_age = 5\n");
    of::test::Child check({storage_program(), "--check-config", instance.folder() + "/config.toml"},
                          instance.folder() + "/out");
    CHECK(check.wait() == code(ExitCode::usage));
    const auto output = check.output();
    CHECK(output.find("config.toml:2:") != std::string::npos);
    CHECK(output.find("config.toml:3:") != std::string::npos);
    CHECK(output.find("batch_age_ms") != std::string::npos);
}

}  // namespace of::storage
