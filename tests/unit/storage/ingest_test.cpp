// From a market ring to batches: when they are cut, what is acknowledged, what a lap costs.
#include "workers/storage/ingest.hpp"
#include "tests/support/instance.hpp"
#include "tests/unit/storage/support.hpp"

namespace of::storage {

using of::test::binance_id;
using test::make_gap;
using test::make_trade;
using test::noon;

namespace {

/// A store that only numbers symbols.
class NoStore : public Store {
  public:
    Expected<Committed> commit(const Batch&) override { return Committed{}; }
    const StoredCursor* cursor(const std::string&, uint64_t) const override { return nullptr; }
    uint32_t symbol(std::string_view name) override {
        names.emplace_back(name);
        return static_cast<uint32_t>(names.size() - 1);
    }
    Day gap_day(uint32_t, GapKind, int64_t, Day otherwise) const override { return otherwise; }
    void idle() override {}
    void finish() override {}
    std::vector<std::string> names;
};

struct Ring {
    explicit Ring(BatchLimits limits = {}) {
        symbol = *instance.book().add("BTCUSDT");
        publisher.emplace(instance.publisher<128>(ChannelKind::market, binance_id));
        auto segment = instance.segment(ChannelKind::market, binance_id, binance_id, shm::Access::read_only);
        auto book = instance.segment(ChannelKind::book, binance_id, binance_id, shm::Access::read_only);
        ingest.emplace(Subscriber<128>(std::move(segment), cursor, 0), std::move(book), store, limits);
    }
    template <typename Message>
    void publish(Message message) {
        message.header.symbol = symbol;
        publisher->claim();
        publisher->message<Message>(message.header.type, message.header.correlation) = message;
        publisher->commit();
    }
    void publish_quote() { publish(BestQuote{.header = {.type = MessageType::best_quote}}); }
    size_t read(int64_t now_ns = 0) { return ingest->read(100'000, now_ns); }
    uint64_t acknowledged() const { return cursor.position.load(); }

    of::test::Instance instance;
    uint16_t symbol = 0;
    std::optional<Publisher<128>> publisher;
    shm::Cursor cursor{};
    NoStore store;
    std::optional<Ingest> ingest;
};

}  // namespace

TEST_CASE("a batch is due when it is full, and nothing more is read", "[storage]") {
    Ring ring({.rows_max = 10, .age_ns_max = 1'000});
    for (int64_t id = 1; id <= 25; ++id) ring.publish(make_trade(id));
    CHECK(ring.read() == 10);
    CHECK(ring.ingest->due(0));
    CHECK_FALSE(ring.ingest->readable());
    CHECK(ring.read() == 0);
    CHECK(ring.ingest->batch().end_position == 10);
    CHECK(ring.acknowledged() == 0);
    ring.ingest->stored(0);
    CHECK(ring.acknowledged() == 10);
    CHECK(ring.ingest->readable());
}

TEST_CASE("a batch is due when its oldest row is old enough", "[storage]") {
    Ring ring({.rows_max = 10, .age_ns_max = 1'000});
    ring.publish(make_trade(1));
    ring.read(5'000);
    ring.publish(make_trade(2));
    ring.read(5'900);
    CHECK_FALSE(ring.ingest->due(5'999));
    CHECK(ring.ingest->due(6'000));
    CHECK(ring.ingest->due_ns() == 6'000);
    ring.ingest->stored(6'000);
    CHECK_FALSE(ring.ingest->due(100'000));
}

TEST_CASE("a row of another UTC day begins the next batch", "[storage]") {
    Ring ring;
    ring.publish(make_trade(1, noon));
    ring.publish_quote();
    ring.publish(make_trade(2, noon + ns_per_day));
    ring.publish(make_trade(3, noon + ns_per_day));
    ring.read();
    CHECK(ring.ingest->due(0));
    CHECK(ring.ingest->batch().day == day_of(noon));
    CHECK(ring.ingest->batch().entries.size() == 1);
    CHECK(ring.ingest->batch().end_position == 2);
    ring.ingest->stored(0);
    CHECK(ring.acknowledged() == 2);
    CHECK(ring.ingest->batch().day == day_of(noon) + 1);
    ring.read();
    CHECK(ring.ingest->batch().entries.size() == 2);
    CHECK(ring.ingest->batch().end_position == 4);
}

TEST_CASE("messages that are no rows are acknowledged at once, but never past a waiting row", "[storage]") {
    Ring ring;
    ring.publish_quote();
    ring.publish_quote();
    ring.read();
    CHECK(ring.acknowledged() == 2);
    CHECK_FALSE(ring.ingest->due(1'000'000'000));
    ring.publish(make_trade(1));
    ring.publish_quote();
    ring.read();
    CHECK(ring.acknowledged() == 2);
    CHECK(ring.ingest->batch().end_position == 4);
}

TEST_CASE("a ledger entry lies in the day of the rows around it", "[storage]") {
    Ring ring;
    ring.publish(make_trade(1, noon + 5 * ns_per_day));
    ring.publish(make_gap(2, 3));
    ring.read();
    CHECK(ring.ingest->batch().entries.size() == 2);
    CHECK(ring.ingest->batch().day == day_of(noon) + 5);
    ring.ingest->stored(0);
    ring.publish(make_gap(4, 5));
    ring.read();
    CHECK(ring.ingest->batch().day == day_of(noon) + 5);
}

TEST_CASE("a lapped ring says exactly how many messages are lost", "[storage]") {
    Ring ring({.rows_max = 100'000});
    ring.publish(make_trade(1));
    ring.read();
    CHECK_FALSE(ring.ingest->batch().entries.back().after_lap);
    constexpr uint64_t published = 20'000;
    for (uint64_t i = 1; i < published; ++i) ring.publish(make_trade(static_cast<int64_t>(i) + 1));
    ring.read();
    const auto stored = ring.ingest->batch().entries.size();
    const auto lost = ring.ingest->take_lost();
    CHECK(lost > 0);
    CHECK(stored + lost == published);
    CHECK(ring.ingest->take_lost() == 0);
    CHECK(ring.ingest->batch().entries.back().after_lap);
    CHECK(ring.ingest->batch().entries.back().trade.id == static_cast<int64_t>(published));
}

TEST_CASE("a row whose symbol nobody names is refused and counted", "[storage]") {
    Ring ring;
    ring.symbol = 7;
    ring.publish(make_trade(1));
    ring.symbol = 9'999;
    ring.publish(make_trade(2));
    ring.read();
    CHECK(ring.ingest->refused() == 2);
    CHECK(ring.ingest->batch().entries.empty());
    // The name may come later.
    ring.instance.book().add("ETHUSDT");
    ring.symbol = 1;
    ring.publish(make_trade(3));
    ring.read();
    CHECK(ring.ingest->batch().entries.size() == 1);
    CHECK(ring.store.names == std::vector<std::string>{"ETHUSDT"});
}

}  // namespace of::storage
