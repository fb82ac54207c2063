// The recorded tape through decoder, book procedure and book: the golden answers of the recording must come
// out.

#include <fmt/format.h>
#include <openssl/evp.h>
#include <simdjson.h>
#include <zlib.h>

#include <catch2/catch.hpp>
#include <map>

#include "tests/unit/binance/frames.hpp"
#include "workers/binance/book_sync.hpp"
#include "workers/binance/rest_decoder.hpp"
#include "workers/binance/trade_gaps.hpp"

using namespace of;
using namespace of::binance;

namespace {

/// The lines of a gzip file.
class GzipLines {
  public:
    explicit GzipLines(const std::string& path) : file_(gzopen(path.c_str(), "rb")), buffer_(size_t{1} << 20, '\0') {}
    ~GzipLines() { gzclose(file_); }
    GzipLines(const GzipLines&) = delete;
    bool next(std::string& line) {
        line.clear();
        while (gzgets(file_, buffer_.data(), static_cast<int>(buffer_.size())) != nullptr) {
            line += buffer_.data();
            if (!line.ends_with('\n')) continue;
            line.pop_back();
            return true;
        }
        return !line.empty();
    }

  private:
    gzFile file_;
    std::string buffer_;
};

struct Symbol : BookSink {
    void on_book_reset(ResetReason, int64_t) override { ++resets; }
    void on_book_snapshot(const Snapshot&) override {}
    void on_book_delta(const DepthEvent&) override {
        ++applied;
        max_bids = std::max(max_bids, sync.book().bids().size());
        max_asks = std::max(max_asks, sync.book().asks().size());
    }
    void on_oracle(bool equal, int64_t) override { ++(equal ? equals : differs); }
    void on_book_state(BookState) override {}

    BookSync sync{*this, 1};
    TradeGaps gaps;
    uint64_t applied = 0, resets = 0, equals = 0, differs = 0, trades = 0, gap_ids = 0;
    size_t max_bids = 0, max_asks = 0;
    int64_t first_trade = 0, taker_buy = 0, taker_sell = 0;
};

/// SHA-256 as golden_spot.json says: bids from high to low, then asks from low to high.
std::string hash_of(const OrderBook& book) {
    std::string text;
    const auto append = [&](char side, std::span<const Level> levels) {
        for (auto it = levels.rbegin(); it != levels.rend(); ++it)
            text += fmt::format("{} {} {}\n", side, it->price, it->quantity);
    };
    append('B', book.bids());
    append('A', book.asks());
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    REQUIRE(EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr) == 1);
    std::string hex;
    for (unsigned i = 0; i < size; ++i) hex += {"0123456789abcdef"[digest[i] >> 4], "0123456789abcdef"[digest[i] & 15]};
    return hex;
}

class Replay {
  public:
    void line(std::string& line) {
        const auto space = line.find(' ');
        REQUIRE(space != std::string::npos);
        auto text = test::padded(line.substr(space + 1));
        if (text.starts_with("{\"rest\"")) return rest(text);
        const auto decoded = decoder_.decode(text);
        REQUIRE(decoded);
        const auto& frame = **decoded;
        auto& symbol = symbols[std::string(frame.symbol)];
        if (frame.kind == FrameKind::depth) symbol.sync.on_delta({frame.depth, {}}, 0);
        if (frame.kind == FrameKind::best_quote) symbol.sync.on_quote(frame.quote, 0);
        if (frame.kind == FrameKind::trade) trade(symbol, frame.trade);
    }
    std::map<std::string, Symbol> symbols;

  private:
    void rest(const std::string& text) {
        const auto name_at = text.find("symbol=") + 7;
        auto& symbol = symbols[text.substr(name_at, text.find('&', name_at) - name_at)];
        auto body = text.substr(text.find("\"body\":") + 7);
        body.pop_back();
        const auto snapshot = rest_.snapshot(body);
        REQUIRE(snapshot);
        const auto ticket = symbol.sync.take_request(0);
        REQUIRE(ticket);
        REQUIRE(symbol.sync.on_snapshot(*ticket, *snapshot, 0) == BookSync::Joined::synced);
    }
    static void trade(Symbol& symbol, const TradeFields& trade) {
        const auto verdict = symbol.gaps.observe(trade.id);
        if (verdict.has_gap()) symbol.gap_ids += static_cast<uint64_t>(verdict.gap_last - verdict.gap_first + 1);
        if (symbol.trades++ == 0) symbol.first_trade = trade.id;
        (trade.buyer_is_maker ? symbol.taker_sell : symbol.taker_buy) += trade.quantity;
    }
    Decoder decoder_;
    RestDecoder rest_;
};

}  // namespace

TEST_CASE("the recorded tape gives the golden books, trades and oracle counts", "[binance][recorded]") {
    const auto folder = test::recorded_data();
    if (folder.empty()) {
        WARN("skipped: OF_TEST_DATA is not set, so there is no recorded tape");
        return;
    }
    Replay replay;
    GzipLines tape(folder + "/tape/spot_btc_eth_20240808_combined.jsonl.gz");
    size_t lines = 0;
    for (std::string line; tape.next(line); ++lines) replay.line(line);
    CHECK(lines == 198'063);

    simdjson::dom::parser parser;
    simdjson::dom::array golden = parser.load(folder + "/golden/golden_spot.json");
    REQUIRE(golden.size() == replay.symbols.size());
    for (const simdjson::dom::element want : golden) {
        const auto number = [&](const char* key) { return int64_t{want[key]}; };
        const std::string name{std::string_view{want["symbol"]}};
        CAPTURE(name);
        const auto& got = replay.symbols.at(name);
        CHECK(got.sync.state() == BookState::synced);
        CHECK(got.sync.last_id() == number("final_update_id"));
        CHECK(static_cast<int64_t>(got.applied) == number("diffs_applied"));
        CHECK(hash_of(got.sync.book()) == std::string_view{want["book_sha256"]});
        CHECK(static_cast<int64_t>(got.sync.book().bids().size()) == number("bid_levels"));
        CHECK(static_cast<int64_t>(got.sync.book().asks().size()) == number("ask_levels"));
        CHECK(*got.sync.book().best_bid() ==
              Level{int64_t{want["final_best_bid"].at(0)}, int64_t{want["final_best_bid"].at(1)}});
        CHECK(*got.sync.book().best_ask() ==
              Level{int64_t{want["final_best_ask"].at(0)}, int64_t{want["final_best_ask"].at(1)}});
        CHECK(static_cast<int64_t>(got.equals) == number("bookTicker_same_u_compared"));
        CHECK(got.differs == 0);
        CHECK(got.resets == 0);
        CHECK(static_cast<int64_t>(got.trades) == number("trades"));
        CHECK(got.first_trade == number("first_trade_id"));
        CHECK(got.gaps.last() == number("last_trade_id"));
        CHECK(got.gap_ids == 0);
        CHECK(got.taker_buy == number("taker_buy_qty_e8"));
        CHECK(got.taker_sell == number("taker_sell_qty_e8"));
    }
}
