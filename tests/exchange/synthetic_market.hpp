// The synthetic market: its symbols, when each one acts, and the text of what they do. Owned by the Exchange.
//
// Market time is what the player says; each symbol acts at exponential pauses and closes a depth event each
// 100 ms. The seed decides everything but the time stamps.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/exchange/market.hpp"
#include "tests/exchange/synthetic_symbol.hpp"

namespace of::exchange {

struct SyntheticSettings {
    uint64_t seed = 1;
    std::vector<std::string> symbols{"BTCUSDT", "ETHUSDT"};
    double frames_per_s = 400;  // over all symbols, on average
};

class SyntheticMarket final : public Market {
  public:
    SyntheticMarket(const SyntheticSettings& settings, StreamTable& streams);

    std::string_view mode() const override { return "synthetic"; }
    std::optional<uint64_t> seed() const override { return seed_; }
    bool has_micros() const override { return true; }
    std::optional<int64_t> next_due_ns() const override;
    void play_next(int64_t wall_us, std::vector<FramePtr>& out) override;
    void finish(int64_t wall_us, std::vector<FramePtr>& out) override;

  private:
    struct Actor {
        std::unique_ptr<SyntheticSymbol> symbol;
        SymbolState* state = nullptr;
        int64_t next_act_ns = 0;
        int64_t next_depth_ns = 0;
        StreamId trade = 0, agg_trade = 0, book_ticker = 0, depth = 0;
    };
    Actor* next_actor();
    void publish(Actor& actor, Activity activity, int64_t wall_us, std::vector<FramePtr>& out);
    void publish(const Actor& actor, const BestQuote& quote, std::vector<FramePtr>& out);
    void publish_depth(Actor& actor, int64_t wall_us, std::vector<FramePtr>& out);

    uint64_t seed_;
    int64_t pause_mean_ns_;
    std::vector<Actor> actors_;
    StreamTable& streams_;
    bool finished_ = false;
};

}  // namespace of::exchange
