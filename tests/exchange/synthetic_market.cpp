#include "tests/exchange/synthetic_market.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

namespace of::exchange {

namespace {

constexpr int64_t depth_period_ns = 100'000'000;
constexpr int64_t ns_per_s = 1'000'000'000;
constexpr double depth_frames_per_s = 10 * 1.4;  // the event, and the quote that ends two in five of them

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

std::string print(const Trade& trade, const std::string& symbol, int64_t time) {
    return fmt::format(R"({{"e":"trade","E":{0},"s":"{1}","t":{2},"p":"{3}","q":"{4}","T":{0},"m":{5},"M":true}})",
                       time, symbol, trade.id, format_e8(trade.price), format_e8(trade.quantity), trade.buyer_is_maker);
}

std::string print(const AggTrade& trade, const std::string& symbol, int64_t time) {
    return fmt::format(
        R"({{"e":"aggTrade","E":{0},"s":"{1}","a":{2},"p":"{3}","q":"{4}","f":{5},"l":{6},"T":{0},"m":{7},"M":true}})",
        time, symbol, trade.id, format_e8(trade.price), format_e8(trade.quantity), trade.first_id, trade.last_id,
        trade.buyer_is_maker);
}

void append_levels(std::string& out, const std::vector<std::pair<e8_t, e8_t>>& levels) {
    for (size_t i = 0; i < levels.size(); ++i) {
        fmt::format_to(std::back_inserter(out), "{}[\"{}\",\"{}\"]", i == 0 ? "" : ",", format_e8(levels[i].first),
                       format_e8(levels[i].second));
    }
}

std::string print(const DepthDelta& delta, const std::string& symbol, int64_t time) {
    std::string out = fmt::format(R"({{"e":"depthUpdate","E":{},"s":"{}","U":{},"u":{},"b":[)", time, symbol,
                                  delta.first_id, delta.last_id);
    append_levels(out, delta.bids);
    out += "],\"a\":[";
    append_levels(out, delta.asks);
    return out + "]}";
}

template <class Event>
FramePtr frame_of(const StreamTable& streams, StreamId stream, const Event& event, const std::string& symbol,
                  int64_t wall_us) {
    return make_frame(stream, streams.name(stream), print(event, symbol, wall_us / 1000),
                      print(event, symbol, wall_us));
}

}  // namespace

SyntheticMarket::SyntheticMarket(const SyntheticSettings& settings, StreamTable& streams)
    : seed_(settings.seed), streams_(streams) {
    const auto count = static_cast<double>(settings.symbols.size());
    const double frames_per_s = std::max(settings.frames_per_s / count - depth_frames_per_s, 1.0);
    pause_mean_ns_ =
        static_cast<int64_t>(static_cast<double>(ns_per_s) * SyntheticSymbol::frames_per_act / frames_per_s);
    for (size_t i = 0; i < settings.symbols.size(); ++i) {
        symbols_.push_back(std::make_unique<SymbolState>());
        symbols_.back()->name = settings.symbols[i];
        const std::string name = lower(settings.symbols[i]);
        Actor actor;
        actor.state = symbols_.back().get();
        actor.symbol = std::make_unique<SyntheticSymbol>(*actor.state, seed_ * 1'000'003 + i);
        actor.next_act_ns = actor.symbol->pause_ns(pause_mean_ns_);
        actor.next_depth_ns = static_cast<int64_t>(i * 37 % 100 + 1) * 1'000'000;
        actor.trade = streams.intern(name + "@trade");
        actor.agg_trade = streams.intern(name + "@aggTrade");
        actor.book_ticker = streams.intern(name + "@bookTicker");
        actor.depth = streams.intern(name + "@depth@100ms");
        actors_.push_back(std::move(actor));
    }
}

SyntheticMarket::Actor* SyntheticMarket::next_actor() {
    return &*std::min_element(actors_.begin(), actors_.end(), [](const Actor& a, const Actor& b) {
        return std::min(a.next_act_ns, a.next_depth_ns) < std::min(b.next_act_ns, b.next_depth_ns);
    });
}

std::optional<int64_t> SyntheticMarket::next_due_ns() const {
    if (finished_) return {};
    int64_t due_ns = actors_.front().next_depth_ns;
    for (const Actor& actor : actors_) due_ns = std::min({due_ns, actor.next_act_ns, actor.next_depth_ns});
    return due_ns;
}

void SyntheticMarket::play_next(int64_t wall_us, std::vector<FramePtr>& out) {
    Actor& actor = *next_actor();
    if (actor.next_act_ns < actor.next_depth_ns) {
        actor.next_act_ns += actor.symbol->pause_ns(pause_mean_ns_);
        publish(actor, actor.symbol->act(), wall_us, out);
        return;
    }
    actor.next_depth_ns += depth_period_ns;
    if (const auto quote = actor.symbol->stir()) publish(actor, *quote, out);
    publish_depth(actor, wall_us, out);
}

void SyntheticMarket::finish(int64_t wall_us, std::vector<FramePtr>& out) {
    for (Actor& actor : actors_) {
        if (!finished_) publish_depth(actor, wall_us, out);
    }
    finished_ = true;
}

void SyntheticMarket::publish(Actor& actor, Activity activity, int64_t wall_us, std::vector<FramePtr>& out) {
    for (Trade& trade : activity.trades) {
        trade.time_us = wall_us;
        actor.state->trades.add(trade);
        out.push_back(frame_of(streams_, actor.trade, trade, actor.state->name, wall_us));
    }
    if (activity.agg_trade) {
        activity.agg_trade->time_us = wall_us;
        actor.state->agg_trades.add(*activity.agg_trade);
        out.push_back(frame_of(streams_, actor.agg_trade, *activity.agg_trade, actor.state->name, wall_us));
    }
    if (activity.quote) publish(actor, *activity.quote, out);
}

void SyntheticMarket::publish(const Actor& actor, const BestQuote& quote, std::vector<FramePtr>& out) {
    const std::string text = fmt::format(R"({{"u":{},"s":"{}","b":"{}","B":"{}","a":"{}","A":"{}"}})", quote.update_id,
                                         actor.state->name, format_e8(quote.bid), format_e8(quote.bid_quantity),
                                         format_e8(quote.ask), format_e8(quote.ask_quantity));
    out.push_back(make_frame(actor.book_ticker, streams_.name(actor.book_ticker), text, text));
}

void SyntheticMarket::publish_depth(Actor& actor, int64_t wall_us, std::vector<FramePtr>& out) {
    const auto delta = actor.symbol->take_delta();
    if (!delta) return;
    ++actor.state->depth_played;
    out.push_back(frame_of(streams_, actor.depth, *delta, actor.state->name, wall_us));
}

}  // namespace of::exchange
