// The market behind the stand-in: a row of frames that become due, and the state that REST answers from.
//
// Two kinds: a recorded tape (tape_market.hpp) and a seeded synthetic market (synthetic_market.hpp). A market
// never reads a clock: the player says when a frame is played, and what time it is then. Owned by the
// Exchange; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/exchange/book.hpp"
#include "tests/exchange/frame.hpp"

namespace of::exchange {

struct Trade {
    int64_t id = 0;
    e8_t price = 0;
    e8_t quantity = 0;
    int64_t time_us = 0;
    bool buyer_is_maker = false;
};

struct AggTrade {
    int64_t id = 0;
    e8_t price = 0;
    e8_t quantity = 0;
    int64_t first_id = 0;
    int64_t last_id = 0;
    int64_t time_us = 0;
    bool buyer_is_maker = false;
};

/// A row of trades by id, newest last. Holds the newest `rows_max`; older ones are forgotten, as an
/// exchange's memory does.
template <class Row>
struct Played {
    static constexpr size_t rows_max = 500'000;
    std::deque<Row> rows;
    uint64_t count = 0;
    int64_t first_id = 0;
    int64_t last_id = 0;

    void add(const Row& row) {
        if (count++ == 0) first_id = row.id;
        last_id = row.id;
        rows.push_back(row);
        if (rows.size() > rows_max) rows.pop_front();
    }
};

/// What has been played of one symbol so far.
struct SymbolState {
    std::string name;
    e8_t tick = 1'000'000;
    e8_t lot = 1'000;
    Book book;
    Book stale_book;  // older than anything that was streamed: what a late snapshot fault serves
    Played<Trade> trades;
    Played<AggTrade> agg_trades;
    uint64_t depth_played = 0;
};

class Market {
  public:
    Market() = default;
    Market(const Market&) = delete;
    Market& operator=(const Market&) = delete;
    virtual ~Market() = default;

    virtual std::string_view mode() const = 0;
    virtual std::optional<uint64_t> seed() const { return {}; }
    virtual bool has_micros() const { return false; }

    /// Frames whose payload was not understood: sent all the same, but REST knows nothing of them.
    virtual uint64_t unread_frames() const { return 0; }

    /// When the next step is due, in nanoseconds of market time since the start; nothing after the last one.
    virtual std::optional<int64_t> next_due_ns() const = 0;

    /// Plays the step that is due next and appends its frames. Needs next_due_ns().
    virtual void play_next(int64_t wall_us, std::vector<FramePtr>& out) = 0;

    /// Ends the market; what was begun (an open 100 ms of depth) is appended as its last frames.
    virtual void finish(int64_t wall_us, std::vector<FramePtr>& out) = 0;

    const std::vector<std::unique_ptr<SymbolState>>& symbols() const { return symbols_; }
    const SymbolState* find(std::string_view symbol) const {
        for (const auto& each : symbols_) {
            if (each->name == symbol) return each.get();
        }
        return nullptr;
    }

  protected:
    std::vector<std::unique_ptr<SymbolState>> symbols_;
};

}  // namespace of::exchange
