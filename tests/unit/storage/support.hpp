// Rows, batches and folders for the tests of storage.
#pragma once

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "workers/storage/sqlite_sink.hpp"

namespace of::storage::test {

inline constexpr int64_t noon = 20'000 * ns_per_day + ns_per_day / 2;  // 2024-10-04T12:00:00Z

struct Folder {
    Folder() {
        auto pattern = (std::filesystem::temp_directory_path() / "of-storage-XXXXXX").string();
        path = mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    std::string file(Day day) const { return path + "/" + file_name(day); }
    std::string path;
};

inline Trade make_trade(int64_t id, int64_t trade_ns = noon, uint8_t flags = 0) {
    Trade trade{};
    trade.header = {.type = MessageType::trade,
                    .flags = flags,
                    .correlation = CorrelationId::make({ProcessKind::binance, 0}, 3, static_cast<uint64_t>(id))};
    trade.event_ns = trade_ns + 1'000'000;
    trade.trade_ns = trade_ns;
    trade.receive_ns = trade_ns + 2'000'000;
    trade.id = id;
    trade.price = 61'837'63000000 + id;
    trade.quantity = 100 + id;
    return trade;
}

inline AggTrade make_agg_trade(int64_t id, int64_t trade_ns = noon) {
    AggTrade trade{};
    trade.header = {.type = MessageType::agg_trade};
    trade.trade_ns = trade.event_ns = trade.receive_ns = trade_ns;
    trade.id = id;
    trade.first_id = 2 * id;
    trade.last_id = 2 * id + 1;
    trade.price = 1;
    trade.quantity = 2;
    return trade;
}

inline GapOpened make_gap(int64_t first, int64_t last) {
    GapOpened gap{};
    gap.header = {.type = MessageType::gap_opened};
    gap.kind = GapKind::trade;
    gap.first_id = first;
    gap.last_id = last;
    gap.detected_ns = noon;
    return gap;
}

inline GapRepaired make_repaired(int64_t first, int64_t last, int64_t repaired) {
    GapRepaired gap{};
    gap.header = {.type = MessageType::gap_repaired};
    gap.kind = GapKind::trade;
    gap.first_id = first;
    gap.last_id = last;
    gap.repaired = repaired;
    gap.finished_ns = noon + 1;
    return gap;
}

/// Builds batches of one ring, one after the other.
class Batches {
  public:
    explicit Batches(Store& store, uint64_t generation = 7) : store_(store) {
        batch_.channel = "market.0";
        batch_.generation = generation;
    }
    template <typename Message>
    Batches& add(const Message& message, std::string_view symbol = "BTCUSDT") {
        Entry entry;
        entry.position = batch_.end_position++;
        entry.symbol = store_.symbol(symbol);
        entry.after_lap = after_lap;
        if constexpr (std::is_same_v<Message, Trade>) entry.trade = message;
        if constexpr (std::is_same_v<Message, AggTrade>) entry.agg_trade = message;
        if constexpr (std::is_same_v<Message, GapOpened>) entry.gap_opened = message;
        if constexpr (std::is_same_v<Message, GapRepaired>) entry.gap_repaired = message;
        batch_.entries.push_back(entry);
        return *this;
    }
    Batches& trades(int64_t first, int64_t last, int64_t trade_ns = noon) {
        for (auto id = first; id <= last; ++id) add(make_trade(id, trade_ns));
        return *this;
    }
    Committed commit(Day day = day_of(noon)) {
        batch_.day = day;
        auto committed = store_.commit(batch_);
        last_ = batch_;
        batch_.entries.clear();
        if (!committed) FAIL(committed.error().message);
        return *committed;
    }
    /// The last batch once more, as after a crash between its commit and the acknowledgement.
    Committed replay() {
        auto committed = store_.commit(last_);
        if (!committed) FAIL(committed.error().message);
        return *committed;
    }
    const Batch& last() const { return last_; }
    bool after_lap = false;

  private:
    Store& store_;
    Batch batch_;
    Batch last_;
};

inline std::unique_ptr<SqliteSink> open_sink(const Folder& folder, int64_t retention_days = 0) {
    auto sink = SqliteSink::open({folder.path, Synchronous::normal, retention_days});
    if (!sink) FAIL(sink.error().message);
    return std::move(*sink);
}

inline int64_t number(const std::string& path, std::string_view sql) {
    auto database = Database::open(path, Mode::read_only);
    if (!database) FAIL(database.error().message);
    auto value = database->integer(sql);
    if (!value) FAIL(value.error().message);
    return *value;
}

inline std::string text(const std::string& path, std::string_view sql) {
    auto database = Database::open(path, Mode::read_only);
    if (!database) FAIL(database.error().message);
    auto statement = database->prepare(sql);
    if (!statement) FAIL(statement.error().message);
    const auto row = statement->step();
    REQUIRE((row && *row));
    std::string line;
    for (int i = 0; i < sqlite3_column_count(sqlite3_next_stmt(database->handle(), nullptr)); ++i)
        line += (i == 0 ? "" : "|") + statement->text(i);
    return line;
}

}  // namespace of::storage::test
