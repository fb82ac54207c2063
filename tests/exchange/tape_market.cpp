#include "tests/exchange/tape_market.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cctype>

namespace of::exchange {

namespace dom = simdjson::dom;

struct TapeMarket::Reader {
    dom::parser parser;

    dom::element read(std::string_view text) {
        // The views lie in the tape's padded bytes, so nothing is copied (realloc_if_needed = false).
        return parser.parse(text.data(), text.size(), false);  // throws simdjson_error
    }
};

namespace {

e8_t decimal(dom::element value) {
    const auto parsed = parse_e8(std::string_view(value));
    if (!parsed) throw simdjson::simdjson_error(simdjson::NUMBER_ERROR);
    return *parsed;
}

template <class Side>
void set_levels(Side& side, dom::array levels) {
    for (const dom::element level : levels) {
        Book::set(side, decimal(level.at(0).value()), decimal(level.at(1).value()));
    }
}

void remember_depth(SymbolState& symbol, dom::element data) {
    ++symbol.depth_played;
    const int64_t last_id = data["u"];
    if (last_id <= symbol.book.last_update_id) return;
    set_levels(symbol.book.bids, data["b"]);
    set_levels(symbol.book.asks, data["a"]);
    symbol.book.last_update_id = last_id;
}

void remember_trade(SymbolState& symbol, dom::element data) {
    const int64_t time_ms = data["T"];
    symbol.trades.add(Trade{int64_t(data["t"]), decimal(data["p"].value()), decimal(data["q"].value()), time_ms * 1000,
                            bool(data["m"])});
}

void remember_agg_trade(SymbolState& symbol, dom::element data) {
    const int64_t time_ms = data["T"];
    symbol.agg_trades.add(AggTrade{int64_t(data["a"]), decimal(data["p"].value()), decimal(data["q"].value()),
                                   int64_t(data["f"]), int64_t(data["l"]), time_ms * 1000, bool(data["m"])});
}

std::string symbol_of(std::string_view stream) {
    std::string name(stream.substr(0, stream.find('@')));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
    return name;
}

bool wanted(const std::vector<std::string>& only, const std::string& symbol) {
    return only.empty() || std::find(only.begin(), only.end(), symbol) != only.end();
}

std::string parameter(std::string_view request, std::string_view name) {
    const size_t at = request.find(name);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = request.substr(at + name.size());
    return std::string(rest.substr(0, rest.find_first_of("& ")));
}

}  // namespace

TapeMarket::TapeMarket() : reader_(std::make_unique<Reader>()) {}
TapeMarket::~TapeMarket() = default;

Result<std::unique_ptr<TapeMarket>> TapeMarket::open(const std::string& path, const std::vector<std::string>& only,
                                                     StreamTable& streams) {
    std::unique_ptr<TapeMarket> market(new TapeMarket());
    if (auto loaded = load_tape(path, market->tape_); !loaded) return tl::unexpected(loaded.error());
    if (auto indexed = market->index(only, streams); !indexed) return tl::unexpected(indexed.error());
    if (market->frames_.empty()) return fail(fmt::format("the tape {} has no frame of the symbols asked for", path));
    return market;
}

SymbolState& TapeMarket::symbol(const std::string& name) {
    for (const auto& each : symbols_) {
        if (each->name == name) return *each;
    }
    symbols_.push_back(std::make_unique<SymbolState>());
    symbols_.back()->name = name;
    return *symbols_.back();
}

Result<void> TapeMarket::index(const std::vector<std::string>& only, StreamTable& streams) {
    frames_.reserve(tape_.lines.size());
    for (size_t i = 0; i < tape_.lines.size(); ++i) {
        const TapeLine& line = tape_.lines[i];
        if (line.stream.empty()) {
            if (auto taken = take_snapshot(line, i + 1, only); !taken) return taken;
            continue;
        }
        if (!wanted(only, symbol_of(line.stream))) continue;
        symbol(symbol_of(line.stream));
        if (line.stream.find("@depth") != std::string_view::npos) note_first_depth(line);
        Frame frame;
        frame.text = line.text;
        frame.stream = streams.intern(line.stream);
        frame.data_at = static_cast<uint32_t>(line.data_at);
        frames_.push_back(std::move(frame));
        due_ns_.push_back(line.due_ns);
    }
    for (const auto& each : symbols_) {
        each->stale_book = each->book;
        each->stale_book.last_update_id = std::max<int64_t>(first_depth_id_[each->name] - 2, 0);
        if (each->book.last_update_id == 0) each->book.last_update_id = first_depth_id_[each->name] - 1;
    }
    return {};
}

void TapeMarket::note_first_depth(const TapeLine& line) {
    const std::string name = symbol_of(line.stream);
    if (first_depth_id_.contains(name)) return;
    try {
        first_depth_id_[name] = reader_->read(line.text)["data"]["U"];
    } catch (const simdjson::simdjson_error&) {
        return;  // a partial depth stream: it has no range of ids
    }
}

Result<void> TapeMarket::take_snapshot(const TapeLine& line, size_t number, const std::vector<std::string>& only) {
    try {
        const dom::element root = reader_->read(line.text);
        const std::string_view request = root["rest"];
        const std::string name = parameter(request, "symbol=");
        if (request.find("/depth?") == std::string_view::npos || !wanted(only, name)) return {};
        Book& book = symbol(name).book;
        if (book.last_update_id != 0) return {};  // the first one anchors; later ones follow from the diffs
        set_levels(book.bids, root["body"]["bids"]);
        set_levels(book.asks, root["body"]["asks"]);
        book.last_update_id = root["body"]["lastUpdateId"];
    } catch (const simdjson::simdjson_error& error) {
        return fail(fmt::format("line {} of the tape is not a depth snapshot: {}", number, error.what()));
    }
    return {};
}

std::optional<int64_t> TapeMarket::next_due_ns() const {
    if (next_ >= frames_.size()) return {};
    return due_ns_[next_];
}

void TapeMarket::play_next(int64_t, std::vector<FramePtr>& out) {
    Frame& frame = frames_[next_++];
    remember(frame);
    // An aliasing pointer without an owner: the tape lives as long as the program.
    out.emplace_back(std::shared_ptr<void>{}, &frame);
}

void TapeMarket::finish(int64_t, std::vector<FramePtr>&) { next_ = frames_.size(); }

void TapeMarket::remember(const Frame& frame) {
    const std::string_view name = frame.text.substr(0, frame.data_at);
    if (name.find("@bookTicker") != std::string_view::npos) return;
    try {
        const dom::element data = reader_->read(frame.text)["data"];
        std::string_view event;
        if (data["e"].get(event) != simdjson::SUCCESS) return;
        SymbolState& state = symbol(std::string(std::string_view(data["s"])));
        if (event == "depthUpdate") remember_depth(state, data);
        if (event == "trade") remember_trade(state, data);
        if (event == "aggTrade") remember_agg_trade(state, data);
    } catch (const simdjson::simdjson_error&) {
        ++unread_frames_;
    }
}

}  // namespace of::exchange
