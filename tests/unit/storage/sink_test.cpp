// The SQLite store: batches, the cursor, the ledger, and files that it must refuse.
#include <fstream>

#include "tests/unit/storage/support.hpp"
#include "workers/storage/schema.hpp"

namespace of::storage {

using test::Batches;
using test::Folder;
using test::make_agg_trade;
using test::make_gap;
using test::make_repaired;
using test::make_trade;
using test::noon;
using test::number;
using test::open_sink;

namespace {

const Day today = day_of(noon);

const IdTrack& track_of(const SqliteSink& sink, GapKind kind = GapKind::trade) {
    return sink.catalog().symbols().at(*sink.catalog().find("BTCUSDT")).tracks[index_of(kind)];
}
uint64_t rows_of(const SqliteSink& sink, GapKind kind = GapKind::trade) {
    return sink.catalog().symbols().at(*sink.catalog().find("BTCUSDT")).rows[index_of(kind)];
}
std::string refusal(const Folder& folder) {
    const auto sink = SqliteSink::open({folder.path, Synchronous::normal, 0});
    return sink ? "" : sink.error().message;
}

}  // namespace

TEST_CASE("a batch is stored with its cursor, and every column as it came", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder);
    Batches batches(*sink);
    const auto committed =
        batches.add(make_trade(5, noon, flag_buyer_is_maker | flag_repaired)).add(make_agg_trade(9)).commit();
    CHECK(committed.trades == 1);
    CHECK(committed.agg_trades == 1);
    CHECK(committed.duplicates == 0);
    const auto file = folder.file(today);
    CHECK(number(file, "SELECT price_e8 FROM trades WHERE trade_id = 5") == make_trade(5).price);
    CHECK(number(file, "SELECT quantity_e8 FROM trades") == 105);
    CHECK(number(file, "SELECT trade_ns FROM trades") == noon);
    CHECK(number(file, "SELECT event_ns FROM trades") == noon + 1'000'000);
    CHECK(number(file, "SELECT receive_ns FROM trades") == noon + 2'000'000);
    CHECK(number(file, "SELECT buyer_is_maker * 10 + repaired FROM trades") == 11);
    CHECK(static_cast<uint64_t>(number(file, "SELECT correlation FROM trades")) ==
          make_trade(5).header.correlation.value);
    CHECK(number(file, "SELECT first_id * 1000 + last_id FROM agg_trades WHERE agg_id = 9") == 18'019);
    CHECK(number(file, "SELECT position FROM cursors WHERE channel = 'market.0' AND generation = 7") == 2);
}

TEST_CASE("a replayed batch changes nothing and is counted as duplicates", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder);
    Batches batches(*sink);
    batches.trades(1, 50).commit();
    const auto again = batches.replay();
    CHECK(again.trades == 0);
    CHECK(again.duplicates == 50);
    CHECK(rows_of(*sink) == 50);
    CHECK(number(folder.file(today), "SELECT count(*) FROM trades") == 50);
    CHECK(number(folder.file(today), "SELECT rows FROM counters") == 50);
    CHECK(number(folder.file(today), "SELECT count(*) FROM gaps") == 0);
}

TEST_CASE("the views speak to people: decimals, ISO times, printed correlation IDs", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder);
    Batches(*sink).add(make_trade(1, noon + 123'456'789)).add(make_gap(2, 4)).commit();
    CHECK(test::text(folder.file(today),
                     "SELECT symbol, trade_id, price, quantity, trade_time, taker, repaired, correlation "
                     "FROM trades_text") ==
          "BTCUSDT|1|61837.63000001|0.00000101|2024-10-04T12:00:00.123456789Z|buy|0|binance-3-0000000001");
    CHECK(test::text(folder.file(today),
                     "SELECT symbol, kind, first_id, last_id, ids, cause, repaired, finished, correlation "
                     "FROM gaps_text") == "BTCUSDT|trade|2|4|3|feed|0||-");
}

TEST_CASE("a printed correlation ID is the same in SQL and in code", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder);
    auto trade = make_trade(1);
    trade.header.correlation = CorrelationId::make({ProcessKind::binance, 5}, 65'535, 0xfe'dcba'9876);
    Batches(*sink).add(trade).commit();
    CHECK(test::text(folder.file(today), "SELECT correlation FROM trades_text") == to_string(trade.header.correlation));
}

TEST_CASE("a new store knows what the old one stored", "[storage]") {
    Folder folder;
    {
        auto sink = open_sink(folder);
        Batches batches(*sink);
        batches.trades(1, 10).add(make_agg_trade(3)).commit();
        batches.trades(11, 20, noon + ns_per_day).commit(today + 1);
        sink->finish();
    }
    const auto sink = open_sink(folder);
    CHECK(rows_of(*sink) == 20);
    CHECK(rows_of(*sink, GapKind::agg_trade) == 1);
    CHECK(track_of(*sink).last == 20);
    CHECK(track_of(*sink, GapKind::agg_trade).last == 3);
    const auto* cursor = sink->cursor("market.0", 7);
    REQUIRE(cursor != nullptr);
    CHECK(cursor->generation == 7);
    CHECK(cursor->position == 21);
    REQUIRE(sink->cursor("market.0", 8) != nullptr);
    CHECK(sink->cursor("market.0", 8)->generation == 7);
    CHECK(sink->cursor("market.1", 7) == nullptr);
}

TEST_CASE("the counters in the files equal the rows, whatever came twice, late, or repaired", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder);
    Batches batches(*sink);
    batches.trades(1, 10).commit();
    batches.replay();
    batches.add(make_trade(15)).add(make_trade(12, noon, flag_repaired)).add(make_trade(15)).commit();
    batches.add(make_trade(16, noon + ns_per_day)).commit(today + 1);
    batches.add(make_trade(13, noon, flag_repaired)).commit();
    for (const auto day : {today, today + 1}) {
        CHECK(number(folder.file(day), "SELECT count(*) FROM trades") ==
              number(folder.file(day), "SELECT rows FROM counters WHERE kind = 0"));
    }
    CHECK(number(folder.file(today), "SELECT last_id FROM counters") == 15);
    CHECK(rows_of(*sink) == 14);
}

TEST_CASE("a gap of the feed is open for the ids that are really not there", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder);
    Batches batches(*sink);
    batches.trades(1, 10).add(make_gap(11, 14)).add(make_trade(15)).commit();
    CHECK(track_of(*sink).missing.size() == 4);
    batches.add(make_trade(12, noon, flag_repaired)).add(make_trade(13, noon, flag_repaired)).commit();
    CHECK(track_of(*sink).missing.size() == 2);
    CHECK(track_of(*sink).repaired == 2);
    // The feed believes to have repaired all four; the rows say two.
    batches.add(make_repaired(11, 14, 4)).commit();
    CHECK(track_of(*sink).missing.size() == 2);
    const auto file = folder.file(today);
    CHECK(number(file, "SELECT count(*) FROM gaps") == 1);
    CHECK(number(file, "SELECT repaired FROM gaps WHERE cause = 'feed' AND first_id = 11 AND last_id = 14") == 2);
    CHECK(number(file, "SELECT finished_ns FROM gaps") == noon + 1);
    CHECK(number(file, "SELECT detected_ns FROM gaps") == noon);
    sink.reset();
    sink = open_sink(folder);
    CHECK(track_of(*sink).missing.ranges() == std::vector<IdRange>{{11, 11}, {14, 14}});
    CHECK(track_of(*sink).repaired == 2);
}

TEST_CASE("ids that nobody called missing become ledger entries with their cause", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder);
    Batches batches(*sink);
    batches.trades(1, 10).commit();
    batches.after_lap = true;
    const auto committed = batches.trades(21, 25).commit();
    CHECK(committed.lapped_ids == 10);
    const auto file = folder.file(today);
    CHECK(number(file, "SELECT count(*) FROM gaps WHERE cause = 'lapped' AND first_id = 11 AND last_id = 20") == 1);
    batches.after_lap = false;
    CHECK(batches.trades(28, 28).commit().lapped_ids == 2);
    CHECK(number(file, "SELECT count(*) FROM gaps WHERE cause = 'offline' AND first_id = 26 AND last_id = 27") == 1);
    CHECK(track_of(*sink).missing.size() == 12);
}

TEST_CASE("a gap that the feed announced gets no second entry", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder);
    Batches batches(*sink);
    CHECK(batches.trades(1, 10).add(make_gap(11, 12)).trades(13, 14).commit().lapped_ids == 0);
    CHECK(number(folder.file(today), "SELECT count(*) FROM gaps") == 1);
}

TEST_CASE("the feed's word about a hole replaces ours when it comes later", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder);
    Batches batches(*sink);
    batches.trades(1, 1).trades(4, 4).add(make_gap(2, 3)).commit();
    CHECK(number(folder.file(today), "SELECT count(*) FROM gaps") == 1);
    CHECK(number(folder.file(today), "SELECT count(*) FROM gaps WHERE cause = 'feed'") == 1);
    CHECK(track_of(*sink).missing.size() == 2);
}

TEST_CASE("rows of another day's file are no hole", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder);
    Batches batches(*sink);
    batches.trades(1, 10).commit();
    batches.trades(11, 20, noon + ns_per_day).commit(today + 1);
    // A new ring that begins before what is stored: 5, then 15, with 6 to 14 in two files.
    Batches replayed(*sink, 8);
    CHECK(replayed.trades(5, 5).commit().duplicates == 1);
    CHECK(replayed.trades(15, 15, noon + ns_per_day).commit(today + 1).lapped_ids == 0);
    CHECK(track_of(*sink).missing.size() == 0);
}

TEST_CASE("the end of a repair goes to the file that holds the gap", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder);
    Batches batches(*sink);
    batches.trades(1, 1).add(make_gap(2, 3)).commit();
    const auto symbol = sink->symbol("BTCUSDT");
    CHECK(sink->gap_day(symbol, GapKind::trade, 2, 0) == today);
    CHECK(sink->gap_day(symbol, GapKind::agg_trade, 2, 99) == 99);
    batches.add(make_repaired(2, 3, 0)).commit();
    CHECK(sink->gap_day(symbol, GapKind::trade, 2, 99) == 99);
}

TEST_CASE("a batch that another program's lock refuses leaves no trace and is stored later", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder);
    Batches batches(*sink);
    batches.trades(1, 1).commit();
    auto other = Database::open(folder.file(today), Mode::read_write);
    REQUIRE(other);
    REQUIRE(other->run("BEGIN IMMEDIATE"));
    Batch batch;
    batch.channel = "market.0";
    batch.generation = 7;
    batch.end_position = 99;
    batch.day = today;
    batch.entries.emplace_back();
    batch.entries.back().symbol = sink->symbol("BTCUSDT");
    batch.entries.back().trade = make_trade(9);
    const auto refused = sink->commit(batch);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::busy);
    CHECK(refused.error().message.find("locked") != std::string::npos);
    CHECK(rows_of(*sink) == 1);
    CHECK(track_of(*sink).missing.size() == 0);
    CHECK(sink->cursor("market.0", 7)->position == 1);
    REQUIRE(other->run("ROLLBACK"));
    REQUIRE(sink->commit(batch));
    CHECK(rows_of(*sink) == 2);
    CHECK(track_of(*sink).missing.size() == 7);
    CHECK(sink->cursor("market.0", 7)->position == 99);
}

TEST_CASE("a store with a file of another schema version does not start", "[storage]") {
    Folder folder;
    {
        open_sink(folder);
    }
    {
        auto sink = open_sink(folder);
        Batches(*sink).trades(1, 1).commit();
    }
    auto database = Database::open(folder.file(today), Mode::read_write);
    REQUIRE(database);
    REQUIRE(database->run("PRAGMA user_version = 99"));
    CHECK(refusal(folder) == "orderflow-2024-10-04.sqlite has schema version 99, this program knows 1");
}

TEST_CASE("a store with a damaged or foreign file does not start", "[storage]") {
    Folder folder;
    SECTION("no database at all") {
        std::ofstream(folder.file(today)) << std::string(8192, 'x');
        CHECK(refusal(folder) == "orderflow-2024-10-04.sqlite: file is not a database");
    }
    SECTION("a database of something else") {
        auto database = Database::open(folder.file(today), Mode::read_write);
        REQUIRE(database);
        REQUIRE(database->run("CREATE TABLE recipes(name TEXT)"));
        CHECK(refusal(folder) == "orderflow-2024-10-04.sqlite is a SQLite file, but not one of this store");
    }
    SECTION("cut off in the middle") {
        {
            auto sink = open_sink(folder);
            Batches(*sink).trades(1, 5'000).commit();
            sink->finish();
        }
        std::filesystem::resize_file(folder.file(today), 3 * 8192);
        CHECK(refusal(folder) == "orderflow-2024-10-04.sqlite: database disk image is malformed");
    }
}

TEST_CASE("an empty file, left by a writer killed while making it, is made whole", "[storage]") {
    Folder folder;
    std::ofstream(folder.file(today)).flush();
    auto sink = open_sink(folder);
    CHECK(Batches(*sink).trades(1, 3).commit().trades == 3);
}

TEST_CASE("a data directory has one storage worker", "[storage]") {
    Folder folder;
    const auto sink = open_sink(folder);
    CHECK(refusal(folder) == "data directory " + folder.path + " is in use by another storage worker");
}

TEST_CASE("a data directory that cannot be is a sentence", "[storage]") {
    const auto sink = SqliteSink::open({"/proc/no/such/folder", Synchronous::normal, 0});
    REQUIRE_FALSE(sink);
    CHECK(sink.error().kind == ErrorKind::denied);
    CHECK(sink.error().message.starts_with("data directory /proc/no/such/folder cannot be made: "));
    CHECK(SqliteSink::open({"", Synchronous::normal, 0}).error().kind == ErrorKind::invalid);
}

TEST_CASE("old days go when a new one comes, counted from the newest stored", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder, 2);
    Batches batches(*sink);
    for (Day day = today; day <= today + 3; ++day)
        batches.trades(day * 10 + 1, day * 10 + 10, day * ns_per_day).commit(day);
    CHECK_FALSE(std::filesystem::exists(folder.file(today)));
    CHECK_FALSE(std::filesystem::exists(folder.file(today + 1)));
    CHECK(std::filesystem::exists(folder.file(today + 2)));
    CHECK(std::filesystem::exists(folder.file(today + 3)));
    CHECK(rows_of(*sink) == 20);
}

TEST_CASE("the log of the store is moved into its file at the end", "[storage]") {
    Folder folder;
    auto sink = open_sink(folder);
    Batches(*sink).trades(1, 1'000).commit();
    CHECK(sink->wal_pages() > 0);
    sink->finish();
    CHECK(sink->wal_pages() == 0);
    CHECK_FALSE(std::filesystem::exists(folder.file(today) + "-wal"));
    CHECK(number(folder.file(today), "PRAGMA page_size") == 8192);
    CHECK(number(folder.file(today), "SELECT count(*) FROM trades") == 1'000);
}

}  // namespace of::storage
