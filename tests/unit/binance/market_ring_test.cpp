// What lies in the market ring: a reader of the ring alone rebuilds the book, and a successor finds where to
// go on.

#include <catch2/catch.hpp>

#include "proto/schema.hpp"
#include "tests/support/instance.hpp"
#include "workers/binance/lane.hpp"

using namespace of;
using namespace of::binance;

namespace {

/// A lane on real segments, and a reader of its ring.
struct Bench : GapSink {
    Bench()
        : runtime(instance.runtime(test::binance_id)),
          market(test::must(runtime->publisher<128>(ChannelKind::market))),
          metrics(runtime->metrics()),
          book_page(test::must(runtime->page(ChannelKind::book, test::binance_id))),
          segment(instance.segment(ChannelKind::market, test::binance_id, test::binance_id, shm::Access::read_only)),
          reader(segment, 0) {}
    void on_gap(const Gap& gap) override { gaps.push_back(gap); }
    std::unique_ptr<Lane> lane(const std::string& name) {
        auto& page = book_page.page<shm::BookPage>();
        const auto index = *page.add(name);
        return std::make_unique<Lane>(LaneContext{*runtime, market, metrics, page, *this}, name, index, 1);
    }
    std::vector<SymbolTail> tail() const { return read_tail(market.segment(), market.tail(), 2); }
    Frame trade(int64_t id, FrameKind kind = FrameKind::trade) const {
        Frame frame;
        frame.kind = kind;
        frame.trade = {
            .event_ns = 1, .trade_ns = 1, .id = id, .first_id = id, .last_id = id, .price = 5, .quantity = 6};
        return frame;
    }
    Mark mark() { return {runtime->next_correlation(), 7, 8, false}; }
    /// Types of all messages since the last call.
    std::vector<MessageType> read() {
        std::vector<MessageType> types;
        while (reader.read(buffer) == shm::ReadStatus::message)
            types.push_back(reinterpret_cast<const Header*>(buffer)->type);
        return types;
    }

    test::Instance instance;
    std::unique_ptr<Runtime> runtime;
    MarketPublisher market;
    FeedMetrics metrics;
    shm::Segment book_page;
    shm::Segment segment;
    shm::BroadcastReader<128> reader;
    std::vector<Gap> gaps;
    alignas(8) std::byte buffer[128];
};
using Types = std::vector<MessageType>;

/// Rebuilds a book as any reader of the ring would.
OrderBook rebuild(Bench& bench, int64_t& last_id) {
    OrderBook book;
    Depth head{};
    std::vector<Level> levels;
    const auto take = [&] {
        if (levels.size() < head.bids + head.asks) return;
        const std::span<const Level> all(levels);
        if (head.header.type == MessageType::depth_snapshot) book.assign(all.first(head.bids), all.subspan(head.bids));
        if (head.header.type == MessageType::depth_delta) book.apply(all.first(head.bids), all.subspan(head.bids));
        last_id = head.last_id;
    };
    while (bench.reader.read(bench.buffer) == shm::ReadStatus::message) {
        const auto& header = *reinterpret_cast<const Header*>(bench.buffer);
        if (header.type == MessageType::book_reset) book.clear();
        if (header.type == MessageType::depth_delta || header.type == MessageType::depth_snapshot) {
            head = *reinterpret_cast<const Depth*>(bench.buffer);
            levels.assign(head.levels, head.levels + header.count);
            take();
        } else if (header.type == MessageType::depth_levels) {
            const auto& more = *reinterpret_cast<const DepthLevels*>(bench.buffer);
            levels.insert(levels.end(), more.levels, more.levels + header.count);
            take();
        }
    }
    return book;
}

}  // namespace

TEST_CASE("a reader of the ring alone rebuilds the book, whatever the sizes of its messages", "[binance][ring]") {
    Bench bench;
    const auto lane = bench.lane("BTCUSDT");
    lane->begin({});
    std::vector<Level> bids;
    std::vector<Level> asks;
    for (e8_t i = 1; i <= 1'000; ++i) bids.push_back({i, i});
    for (e8_t i = 1; i <= 777; ++i) asks.push_back({2'000 + i, i});
    const auto deliver = [&](int64_t first_id, int64_t last_id, size_t levels) {
        Frame frame;
        frame.kind = FrameKind::depth;
        std::vector<Level> changes;
        for (size_t i = 0; i < levels; ++i)
            changes.push_back({static_cast<e8_t>(i * 3 + 1), static_cast<e8_t>(last_id % 3)});
        frame.depth = {1, first_id, last_id, changes, {}};
        lane->on_frame(frame, bench.mark());
    };
    deliver(10, 20, 2);
    const auto ticket = lane->book().take_request(bench.mark().mono_ns);
    REQUIRE(ticket);
    REQUIRE(lane->on_snapshot(*ticket, {15, bids, asks}, bench.mark()) == BookSync::Joined::synced);
    int64_t id = 20;
    for (const size_t levels : {0, 1, 3, 4, 9, 10, 200}) {
        deliver(id + 1, id + 2, levels);
        id += 2;
    }
    int64_t rebuilt_id = 0;
    const auto rebuilt = rebuild(bench, rebuilt_id);
    CHECK(rebuilt_id == id);
    CHECK(std::ranges::equal(rebuilt.bids(), lane->book().book().bids()));
    CHECK(std::ranges::equal(rebuilt.asks(), lane->book().book().asks()));
}

TEST_CASE("a gap is told before the trade that shows it, and a late trade is marked as repaired", "[binance][ring]") {
    Bench bench;
    const auto lane = bench.lane("BTCUSDT");
    lane->begin({});
    lane->on_frame(bench.trade(10), bench.mark());
    bench.read();
    lane->on_frame(bench.trade(13), bench.mark());
    CHECK(bench.read() == Types{MessageType::gap_opened, MessageType::trade});
    REQUIRE(bench.gaps.size() == 1);
    CHECK(bench.gaps[0].first_id == 11);
    CHECK(bench.gaps[0].last_id == 12);
    lane->on_frame(bench.trade(13), bench.mark());
    CHECK(bench.read().empty());
    lane->on_frame(bench.trade(11), bench.mark());
    CHECK(bench.read() == Types{MessageType::trade});
    CHECK((reinterpret_cast<const Header*>(bench.buffer)->flags & flag_repaired) != 0);
    lane->on_repaired(GapKind::trade, bench.trade(11).trade, bench.mark());
    CHECK(bench.read().empty());
    lane->on_repaired(GapKind::trade, bench.trade(12).trade, bench.mark());
    CHECK(bench.read() == Types{MessageType::trade});
    CHECK(lane->close_gap(bench.gaps[0]) == 2);
    CHECK(bench.read() == Types{MessageType::gap_repaired});
}

TEST_CASE("a gap of which nothing came is not told as repaired", "[binance][ring]") {
    Bench bench;
    const auto lane = bench.lane("BTCUSDT");
    lane->begin({});
    lane->on_frame(bench.trade(10), bench.mark());
    lane->on_frame(bench.trade(13), bench.mark());
    bench.read();
    CHECK(lane->close_gap(bench.gaps[0]) == 0);
    CHECK(bench.read().empty());
}

TEST_CASE("a void aggregate counts as present and is not published", "[binance][ring]") {
    Bench bench;
    const auto lane = bench.lane("BTCUSDT");
    lane->begin({});
    lane->on_frame(bench.trade(10, FrameKind::agg_trade), bench.mark());
    auto dead = bench.trade(11, FrameKind::agg_trade);
    dead.trade.is_void = true;
    bench.read();
    lane->on_frame(dead, bench.mark());
    CHECK(bench.read().empty());
    lane->on_frame(bench.trade(12, FrameKind::agg_trade), bench.mark());
    CHECK(bench.read() == Types{MessageType::agg_trade});
    CHECK(bench.gaps.empty());
}

TEST_CASE("a successor finds the last live ids and the gaps that are still open", "[binance][ring]") {
    Bench bench;
    const auto lane = bench.lane("BTCUSDT");
    const auto other = bench.lane("ETHUSDT");
    lane->begin({});
    CHECK(bench.tail()[0].trade_id == 0);
    lane->on_frame(bench.trade(10), bench.mark());
    lane->on_frame(bench.trade(13), bench.mark());  // 11, 12 will be repaired
    lane->on_frame(bench.trade(20), bench.mark());  // 14..19 will stay open, of which 15 was brought
    other->on_frame(bench.trade(99, FrameKind::agg_trade), bench.mark());
    for (const int64_t id : {11, 12, 15}) lane->on_repaired(GapKind::trade, bench.trade(id).trade, bench.mark());
    lane->close_gap(bench.gaps[0]);
    const auto tail = bench.tail();
    CHECK(tail[0].trade_id == 20);
    CHECK(tail[0].agg_id == 0);
    CHECK(tail[1].agg_id == 99);
    REQUIRE(tail[0].open_gaps.size() == 1);
    CHECK(tail[0].open_gaps[0] == OpenGap{GapKind::trade, 14, 19, bench.gaps[1].correlation});

    bench.gaps.clear();
    const auto successor = bench.lane("BTCUSDT");
    bench.read();
    successor->begin(tail[0]);
    CHECK(bench.read() == Types{MessageType::book_reset});
    REQUIRE(bench.gaps.size() == 1);
    CHECK(successor->missing(bench.gaps[0]) == 5);  // 15 is there already
    successor->on_frame(bench.trade(23), bench.mark());
    CHECK(bench.read() == Types{MessageType::stream_event, MessageType::gap_opened, MessageType::trade});
    CHECK(bench.gaps[1].first_id == 21);
}

TEST_CASE("a successor on a ring that was made anew goes on where the book page says that the trades ended",
          "[binance][ring]") {
    Bench bench;
    const auto lane = bench.lane("BTCUSDT");
    lane->begin({});
    lane->on_frame(bench.trade(10), bench.mark());
    lane->on_frame(bench.trade(13), bench.mark());
    lane->on_frame(bench.trade(11), bench.mark());  // late: not where they ended
    lane->on_frame(bench.trade(7, FrameKind::agg_trade), bench.mark());
    bench.read();
    bench.gaps.clear();
    const auto successor = bench.lane("BTCUSDT");
    successor->begin({});  // such a ring has no tail
    bench.read();
    successor->on_frame(bench.trade(16), bench.mark());
    CHECK(bench.read() == Types{MessageType::stream_event, MessageType::gap_opened, MessageType::trade});
    successor->on_frame(bench.trade(8, FrameKind::agg_trade), bench.mark());
    CHECK(bench.read() == Types{MessageType::agg_trade});
    REQUIRE(bench.gaps.size() == 1);
    CHECK(bench.gaps[0].first_id == 14);
    CHECK(bench.gaps[0].last_id == 15);
}

TEST_CASE("the epoch of a book goes on across restarts", "[binance][ring]") {
    Bench bench;
    bench.lane("BTCUSDT")->begin({});
    bench.lane("BTCUSDT")->begin({});
    uint32_t epoch = 0;
    while (bench.reader.read(bench.buffer) == shm::ReadStatus::message) {
        const auto& reset = *reinterpret_cast<const BookReset*>(bench.buffer);
        CHECK(reset.reason == ResetReason::start);
        CHECK(reset.epoch == ++epoch);
    }
    CHECK(epoch == 2);
}

TEST_CASE("quotes go to the ring and to the page; an older one goes to neither", "[binance][ring]") {
    Bench bench;
    const auto lane = bench.lane("BTCUSDT");
    lane->begin({});
    Frame frame;
    frame.kind = FrameKind::best_quote;
    frame.quote = {500, 1, 2, 3, 4};
    lane->on_frame(frame, bench.mark());
    bench.read();
    frame.quote.update_id = 499;
    lane->on_frame(frame, bench.mark());
    CHECK(bench.read().empty());
    const auto quote = bench.instance.book().entries[0].load();
    REQUIRE(quote);
    CHECK(quote->update_id == 500);
    CHECK(quote->ask_quantity == 4);
}
