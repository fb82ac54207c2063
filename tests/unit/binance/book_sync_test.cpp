#include "workers/binance/book_sync.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/unit/binance/frames.hpp"

using namespace of;
using namespace of::binance;
using test::MadeEvent;
using Joined = BookSync::Joined;

namespace {

constexpr int64_t ms = 1'000'000;

/// Writes down what consumers would see.
struct Recorder : BookSink {
    void on_book_reset(ResetReason reason, int64_t from_id) override {
        said.push_back(fmt::format("reset {} {}", name_of(reason), from_id));
    }
    void on_book_snapshot(const Snapshot& snapshot) override {
        said.push_back(fmt::format("snapshot {}", snapshot.last_id));
    }
    void on_book_delta(const DepthEvent& event) override {
        said.push_back(fmt::format("delta {}", event.depth.last_id));
    }
    void on_oracle(bool equal, int64_t update_id) override {
        said.push_back(fmt::format("{} {}", equal ? "equal" : "differs", update_id));
    }
    void on_book_state(BookState) override {}
    std::vector<std::string> said;
};
using Said = std::vector<std::string>;

struct Fixture {
    Recorder sink;
    BookSync sync{sink, 1};
    int64_t now = 1'000'000 * ms;

    void delta(int64_t first_id, int64_t last_id, e8_t bid_quantity = 5) {
        const MadeEvent made{first_id, last_id, {{100, bid_quantity}}, {}};
        sync.on_delta(made.event(), now);
    }
    Joined snapshot(uint64_t ticket, int64_t last_id) {
        static const Level bids[] = {{100, 1}, {99, 1}};
        static const Level asks[] = {{101, 1}};
        return sync.on_snapshot(ticket, {last_id, bids, asks}, now);
    }
    /// In step at update 20 after one buffered event.
    void synchronize() {
        delta(11, 20);
        const auto ticket = sync.take_request(now);
        REQUIRE(ticket);
        REQUIRE(snapshot(*ticket, 15) == Joined::synced);
        REQUIRE(sync.state() == BookState::synced);
        sink.said.clear();
    }
};

}  // namespace

TEST_CASE("the first event asks for a snapshot, which joins and replays what it does not hold", "[binance][sync]") {
    Fixture f;
    CHECK(f.sync.state() == BookState::disconnected);
    CHECK_FALSE(f.sync.take_request(f.now));
    f.delta(1, 5);
    CHECK(f.sync.state() == BookState::buffering);
    f.delta(6, 10);
    f.delta(11, 20, 9);
    const auto ticket = f.sync.take_request(f.now);
    REQUIRE(ticket);
    CHECK(f.sync.state() == BookState::snapshot_wait);
    CHECK(f.snapshot(*ticket, 8) == Joined::synced);
    CHECK(f.sink.said == Said{"snapshot 8", "delta 10", "delta 20"});
    CHECK(f.sync.last_id() == 20);
    CHECK(*f.sync.book().best_bid() == Level{100, 9});
    CHECK(f.sync.buffered() == 0);
}

TEST_CASE("an exact continuation U = L + 1 joins", "[binance][sync]") {
    Fixture f;
    f.delta(16, 20);
    CHECK(f.snapshot(*f.sync.take_request(f.now), 15) == Joined::synced);
    CHECK(f.sink.said == Said{"snapshot 15", "delta 20"});
}

TEST_CASE("three snapshots that are too old keep the buffer; the fourth joins; no more than four are asked for",
          "[binance][sync]") {
    Fixture f;
    f.delta(100, 110);
    int requests = 0;
    for (int stale = 0; stale < 3; ++stale) {
        auto ticket = f.sync.take_request(f.now);
        REQUIRE(ticket);
        ++requests;
        CHECK_FALSE(f.sync.take_request(f.now));  // one at a time
        CHECK(f.snapshot(*ticket, 90 + stale) == Joined::stale);
        CHECK_FALSE(f.sync.take_request(f.now));  // not at once
        const auto wait = f.sync.request_at_ns() - f.now;
        CHECK((wait >= 250 * ms << stale && wait <= (250 * ms << stale) * 5 / 4));
        f.delta(111 + stale * 10, 120 + stale * 10);
        f.now = f.sync.request_at_ns();
    }
    CHECK(f.sync.buffered() == 4);
    CHECK(f.sync.buffer_first_id() == 100);
    const auto ticket = f.sync.take_request(f.now);
    REQUIRE(ticket);
    ++requests;
    CHECK(f.snapshot(*ticket, 118) == Joined::synced);
    CHECK(requests == 4);
    CHECK(f.sink.said == Said{"snapshot 118", "delta 120", "delta 130", "delta 140"});
}

TEST_CASE("a snapshot newer than the whole buffer joins, and the next live event has to continue it",
          "[binance][sync]") {
    Fixture f;
    f.delta(1, 5);
    CHECK(f.snapshot(*f.sync.take_request(f.now), 50) == Joined::synced);
    CHECK(f.sink.said == Said{"snapshot 50"});
    f.delta(6, 40);   // older: nothing
    f.delta(41, 50);  // the same content
    f.delta(45, 60);  // overlaps
    CHECK(f.sink.said == Said{"snapshot 50", "delta 60"});
    f.delta(62, 70);
    CHECK(f.sink.said.back() == "reset gap 60");
    CHECK(f.sync.state() == BookState::buffering);
    CHECK(f.sync.book().best_bid() == nullptr);
    CHECK(f.sync.buffer_first_id() == 62);  // the event behind the hole begins the next buffer
}

TEST_CASE("a hole inside the buffer voids the book, and what follows it waits for the next snapshot",
          "[binance][sync]") {
    Fixture f;
    f.delta(1, 5);
    f.delta(6, 10);
    f.delta(12, 20);
    f.delta(21, 30);
    CHECK(f.snapshot(*f.sync.take_request(f.now), 3) == Joined::synced);
    CHECK(f.sink.said == Said{"snapshot 3", "delta 5", "delta 10", "reset gap 10"});
    CHECK(f.sync.buffered() == 2);
    CHECK(f.sync.buffer_first_id() == 12);
    CHECK(f.snapshot(*f.sync.take_request(f.now), 25) == Joined::synced);
    CHECK(f.sink.said.back() == "delta 30");
}

TEST_CASE("one missing event costs one reset and one request", "[binance][sync]") {
    Fixture f;
    f.synchronize();
    f.delta(31, 40);
    CHECK(f.sink.said == Said{"reset gap 20"});
    const auto ticket = f.sync.take_request(f.now);
    REQUIRE(ticket);
    f.delta(41, 50);
    CHECK_FALSE(f.sync.take_request(f.now));
    CHECK(f.snapshot(*ticket, 35) == Joined::synced);
    CHECK(f.sink.said == Said{"reset gap 20", "snapshot 35", "delta 40", "delta 50"});
}

TEST_CASE("an answer that was asked for an older book is dropped, and no second request leaves before it",
          "[binance][sync]") {
    Fixture f;
    f.delta(1, 5);
    const auto old = f.sync.take_request(f.now);
    REQUIRE(old);
    f.sync.on_disconnect();
    CHECK(f.sync.state() == BookState::disconnected);
    f.delta(100, 105);
    CHECK_FALSE(f.sync.take_request(f.now));
    CHECK(f.snapshot(*old, 103) == Joined::late);
    CHECK(f.sync.state() == BookState::buffering);
    CHECK(f.sink.said.empty());
    CHECK(f.sync.take_request(f.now));
}

TEST_CASE("a lost connection voids a book that was in step, once", "[binance][sync]") {
    Fixture f;
    f.synchronize();
    f.sync.on_disconnect();
    f.sync.on_disconnect();
    CHECK(f.sink.said == Said{"reset disconnected 20"});
    CHECK(f.sync.last_id() == 0);
    CHECK(f.sync.buffered() == 0);
}

TEST_CASE("failed requests are repeated later and later, up to a cap", "[binance][sync]") {
    Fixture f;
    f.delta(1, 5);
    int64_t longest = 0;
    for (int i = 0; i < 12; ++i) {
        const auto ticket = f.sync.take_request(f.now);
        REQUIRE(ticket);
        f.sync.on_failure(*ticket, f.now);
        longest = std::max(longest, f.sync.request_at_ns() - f.now);
        f.now = f.sync.request_at_ns();
    }
    CHECK(longest >= 3'000 * ms);
    CHECK(longest <= 3'750 * ms);
}

TEST_CASE("a book that breaks again at once waits before it asks again", "[binance][sync]") {
    Fixture f;
    f.synchronize();
    f.delta(100, 110);
    REQUIRE(f.snapshot(*f.sync.take_request(f.now), 105) == Joined::synced);
    f.delta(200, 210);
    CHECK_FALSE(f.sync.take_request(f.now));
    f.now = f.sync.request_at_ns();
    REQUIRE(f.snapshot(*f.sync.take_request(f.now), 205) == Joined::synced);
    f.now += BookSync::calm_ns;
    f.delta(300, 310);
    CHECK(f.sync.take_request(f.now));  // a calm period is forgiven
}

TEST_CASE("a crossed book is void", "[binance][sync]") {
    Fixture f;
    f.synchronize();
    const MadeEvent crossing{21, 22, {{101, 1}}, {}};
    f.sync.on_delta(crossing.event(), f.now);
    CHECK(f.sink.said == Said{"delta 22", "reset crossed 22"});
    CHECK(f.sync.state() == BookState::buffering);
}

TEST_CASE("the book is held against the best quote of the same update, whichever comes first", "[binance][sync]") {
    Fixture f;
    f.synchronize();
    f.sync.on_quote({.update_id = 30, .bid_price = 100, .bid_quantity = 7, .ask_price = 101, .ask_quantity = 1}, f.now);
    f.sync.on_quote({.update_id = 33, .bid_price = 100, .bid_quantity = 9, .ask_price = 101, .ask_quantity = 1}, f.now);
    f.delta(21, 30, 7);
    CHECK(f.sink.said == Said{"delta 30", "equal 30"});
    f.delta(31, 40, 8);
    CHECK(f.sink.said.back() == "delta 40");
    f.sync.on_quote({.update_id = 40, .bid_price = 100, .bid_quantity = 8, .ask_price = 101, .ask_quantity = 1}, f.now);
    CHECK(f.sink.said.back() == "equal 40");
}

TEST_CASE("a book that differs from the best quote in one quantity is void", "[binance][sync]") {
    Fixture f;
    f.synchronize();
    f.sync.on_quote({.update_id = 20, .bid_price = 100, .bid_quantity = 5, .ask_price = 101, .ask_quantity = 2}, f.now);
    CHECK(f.sink.said == Said{"differs 20", "reset oracle_mismatch 20"});
    CHECK(f.sync.state() == BookState::buffering);
}

TEST_CASE("an event with more levels than a message holds voids the book", "[binance][sync]") {
    Fixture f;
    f.synchronize();
    const MadeEvent huge{21, 22, std::vector<Level>(depth_levels_max + 1, Level{1, 1}), {}};
    f.sync.on_delta(huge.event(), f.now);
    CHECK(f.sink.said == Said{"reset refused_delta 20"});
    CHECK(f.sync.buffered() == 0);
}

TEST_CASE("a full buffer is given up and begun anew, and says so", "[binance][sync]") {
    Fixture f;
    for (size_t i = 0; i <= BookSync::buffer_events_max; ++i)
        f.delta(static_cast<int64_t>(i) * 10 + 1, static_cast<int64_t>(i) * 10 + 10);
    CHECK(f.sink.said == Said{"reset buffer_full 0"});
    CHECK(f.sync.buffered() == 1);
}

TEST_CASE("update ids that have restarted far below are not taken for old news", "[binance][sync]") {
    Fixture f;
    f.delta(900'001, 900'010);
    REQUIRE(f.snapshot(*f.sync.take_request(f.now), 900'005) == Joined::synced);
    f.delta(1, 5);
    CHECK(f.sink.said.back() == "reset gap 900010");
    CHECK(f.sync.buffer_first_id() == 1);
}

TEST_CASE("a snapshot far ahead of what still waits in the socket joins, and old events are let pass",
          "[binance][sync]") {
    Fixture f;
    f.delta(1, 5);
    f.delta(6, 10);
    REQUIRE(f.snapshot(*f.sync.take_request(f.now), 900'000) == Joined::synced);
    f.delta(11, 20);
    f.delta(899'999, 900'010);
    CHECK(f.sink.said == Said{"snapshot 900000", "delta 900010"});
}
