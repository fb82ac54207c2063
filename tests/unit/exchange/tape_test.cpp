#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/exchange/tape_market.hpp"

using namespace of;
using namespace of::exchange;

namespace {

/// A file that goes away with the test.
class TapeFile {
  public:
    explicit TapeFile(const std::string& text)
        : path_(std::filesystem::temp_directory_path() / ("of-tape-test-" + std::to_string(getpid()))) {
        std::ofstream(path_, std::ios::binary) << text;
    }
    TapeFile(const TapeFile&) = delete;
    TapeFile& operator=(const TapeFile&) = delete;
    ~TapeFile() { std::filesystem::remove(path_); }
    std::string path() const { return path_.string(); }

  private:
    std::filesystem::path path_;
};

const std::string depth_1 =
    R"({"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":9,"u":10,"b":[["5.0","1.0"]],"a":[]}})";
const std::string snapshot =
    R"({"rest":"GET /api/v3/depth?symbol=BTCUSDT&limit=1000","body":{"lastUpdateId":11,"bids":[["5.0","7.0"]],"asks":[["6.0","1.0"]]}})";
const std::string depth_2 =
    R"({"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":2,"s":"BTCUSDT","U":11,"u":12,"b":[["5.0","0.0"],["4.0","2.0"]],"a":[]}})";
const std::string trade =
    R"({"stream":"ethusdt@trade","data":{"e":"trade","E":2,"s":"ETHUSDT","t":5,"p":"2.5","q":"1","T":2,"m":true,"M":true}})";
const std::string unknown = R"({"stream":"btcusdt@kline_1m","data":{"e":"kline","s":"BTCUSDT","k":{}}})";

std::string whole_tape() {
    return "1000 " + depth_1 + "\n1500 " + snapshot + "\n1400 " + trade + "\n2000 " + unknown + "\n3000 " + depth_2 +
           "\n";
}

}  // namespace

TEST_CASE("a tape is played byte for byte, in its order, at its times") {
    const TapeFile file(whole_tape());
    StreamTable streams;
    const auto market = TapeMarket::open(file.path(), {}, streams);
    REQUIRE(market.has_value());
    std::vector<FramePtr> frames;
    std::vector<int64_t> due;
    while (const auto at = (*market)->next_due_ns()) {
        due.push_back(*at);
        (*market)->play_next(0, frames);
    }
    REQUIRE(due == std::vector<int64_t>{0, 500, 1000, 2000});  // a time that goes back is due with the line before it
    REQUIRE(frames.size() == 4);
    REQUIRE(frames[0]->bytes(true, false) == depth_1);
    const size_t data_at = trade.find("{\"e\"");
    REQUIRE(frames[1]->bytes(false, false) == trade.substr(data_at, trade.size() - data_at - 1));
    REQUIRE(frames[2]->text == unknown);
    REQUIRE((*market)->unread_frames() == 0);
}

TEST_CASE("the snapshot is the recorded one until the diffs pass it, then follows them") {
    const TapeFile file(whole_tape());
    StreamTable streams;
    const auto market = TapeMarket::open(file.path(), {"BTCUSDT"}, streams);
    REQUIRE(market.has_value());
    const SymbolState* const symbol = (*market)->find("BTCUSDT");
    REQUIRE((*market)->find("ETHUSDT") == nullptr);
    const std::string recorded =
        R"({"lastUpdateId":11,"bids":[["5.00000000","7.00000000"]],"asks":[["6.00000000","1.00000000"]]})";
    std::vector<FramePtr> frames;
    REQUIRE(print_depth(symbol->book, 10) == recorded);
    (*market)->play_next(0, frames);
    REQUIRE(print_depth(symbol->book, 10) == recorded);
    (*market)->play_next(0, frames);
    (*market)->play_next(0, frames);
    REQUIRE(print_depth(symbol->book, 10) ==
            R"({"lastUpdateId":12,"bids":[["4.00000000","2.00000000"]],"asks":[["6.00000000","1.00000000"]]})");
    REQUIRE(symbol->stale_book.last_update_id == 7);
    REQUIRE(symbol->depth_played == 2);
}

TEST_CASE("a payload that makes no sense is sent all the same, and counted") {
    const TapeFile file(R"(1 {"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","t":"x"}})");
    StreamTable streams;
    const auto market = TapeMarket::open(file.path(), {}, streams);
    std::vector<FramePtr> frames;
    (*market)->play_next(0, frames);
    REQUIRE(frames.size() == 1);
    REQUIRE((*market)->unread_frames() == 1);
}

TEST_CASE("a file that is no tape is refused by the number of its line") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "is empty"},
        {"no tape\n", "line 1 "},
        {"1 " + depth_1 + "\n2 " + depth_2.substr(0, 60) + "\n", "line 2 "},
        {"1 " + depth_1 + "\nx " + depth_2 + "\n", "line 2 "},
        {"1 {\"rest\":\"GET /api/v3/depth?symbol=BTCUSDT\",\"body\":{}}\n", "line 1 "},
    };
    for (const auto& [text, words] : cases) {
        const TapeFile file(text);
        StreamTable streams;
        const auto market = TapeMarket::open(file.path(), {}, streams);
        REQUIRE_FALSE(market.has_value());
        REQUIRE_THAT(market.error().text, Catch::Contains(words));
    }
    StreamTable streams;
    REQUIRE_FALSE(TapeMarket::open("/nonexistent/tape", {}, streams).has_value());
    const TapeFile file("1 " + trade + "\n");
    REQUIRE_FALSE(TapeMarket::open(file.path(), {"BTCUSDT"}, streams).has_value());
}
