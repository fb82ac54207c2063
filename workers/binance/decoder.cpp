#include "workers/binance/decoder.hpp"

#include <simdjson.h>

#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace of::binance {
namespace {

namespace od = simdjson::ondemand;
static_assert(frame_padding >= simdjson::SIMDJSON_PADDING);

constexpr size_t letters = 52;

/// "a" to 0, "Z" to 51; `letters` for any longer key.
size_t letter_of(std::string_view key) {
    if (key.size() != 1) return letters;
    if (key[0] >= 'a' && key[0] <= 'z') return static_cast<size_t>(key[0] - 'a');
    if (key[0] >= 'A' && key[0] <= 'Z') return static_cast<size_t>(key[0] - 'A') + 26;
    return letters;
}
constexpr size_t operator""_at(char c) { return static_cast<size_t>(c >= 'a' ? c - 'a' : c - 'A' + 26); }

enum class Held : uint8_t { nothing, number, text, truth, levels, other };

/// The one-letter fields of an event, whatever the event may be: the same letter is an id here, a price or a
/// book side there.
struct Fields {
    std::array<Held, letters> held{};
    std::array<int64_t, letters> numbers{};
    std::array<std::string_view, letters> texts{};
    std::string_view event;
    std::string_view symbol;
    std::string_view stream;
    std::string_view message;
    bool answer = false;
    bool code = false;
    bool bad_level = false;
    std::vector<Level> bids;
    std::vector<Level> asks;

    void clear() {
        held.fill(Held::nothing);
        event = symbol = stream = message = {};
        answer = code = bad_level = false;
        bids.clear();
        asks.clear();
    }
};

/// The text between the quotes of a raw token; a decimal never needs unescaping.
std::string_view inside_quotes(std::string_view token) {
    const auto end = token.find('"', 1);
    return end == std::string_view::npos ? std::string_view{} : token.substr(1, end - 1);
}

/// One of a level's two decimals; false for anything else.
bool decimal(od::value value, e8_t& to) {
    const auto parsed = parse_e8(inside_quotes(value.raw_json_token()));
    if (parsed) to = *parsed;
    return parsed.has_value();
}

/// [["price","quantity"],...]. Broken JSON is an error; a level that is JSON but no level sets `bad`.
simdjson::error_code read_levels(od::array array, std::vector<Level>& to, bool& bad) {
    for (auto element : array) {
        od::array pair;
        if (auto error = element.get_array().get(pair)) {
            if (error != simdjson::INCORRECT_TYPE) return error;
            bad = true;
            continue;
        }
        Level level{};
        size_t count = 0;
        for (auto item : pair) {
            od::value value;
            if (auto error = item.get(value)) return error;
            if (count == 0) bad |= !decimal(value, level.price);
            if (count == 1) bad |= !decimal(value, level.quantity);
            ++count;
        }
        bad |= count < 2;
        to.push_back(level);
    }
    return simdjson::SUCCESS;
}

simdjson::error_code read_letter(od::value value, size_t at, Fields& fields) {
    od::json_type type{};
    if (auto error = value.type().get(type)) return error;
    if (type == od::json_type::number) {
        const auto error = value.get_int64().get(fields.numbers[at]);
        fields.held[at] = error ? Held::other : Held::number;
        return error == simdjson::NUMBER_ERROR || error == simdjson::INCORRECT_TYPE ? simdjson::SUCCESS : error;
    }
    if (type == od::json_type::boolean) {
        bool truth = false;
        if (auto error = value.get_bool().get(truth)) return error;
        fields.numbers[at] = truth;
        fields.held[at] = Held::truth;
    } else if (type == od::json_type::string) {
        if (at == 'e'_at || at == 's'_at) return value.get_string().get(at == 'e'_at ? fields.event : fields.symbol);
        fields.texts[at] = inside_quotes(value.raw_json_token());
        fields.held[at] = Held::text;
    } else if (type == od::json_type::array && (at == 'a'_at || at == 'b'_at)) {
        od::array array;
        if (auto error = value.get_array().get(array)) return error;
        fields.held[at] = Held::levels;
        return read_levels(array, at == 'b'_at ? fields.bids : fields.asks, fields.bad_level);
    } else {
        fields.held[at] = Held::other;
    }
    return simdjson::SUCCESS;
}

/// A key of more than one letter, of the envelope or of a control message.
simdjson::error_code read_word(od::value value, std::string_view key, Fields& fields) {
    if (key == "stream" || key == "msg") {
        const auto error = value.get_string().get(key == "msg" ? fields.message : fields.stream);
        return error == simdjson::INCORRECT_TYPE ? simdjson::SUCCESS : error;
    }
    fields.answer |= key == "result" || key == "id";
    fields.code |= key == "code";
    return simdjson::SUCCESS;
}

simdjson::error_code read_object(od::object object, Fields& fields, bool envelope) {
    for (auto field : object) {
        std::string_view key;
        od::value value;
        if (auto error = field.unescaped_key().get(key)) return error;
        if (auto error = field.value().get(value)) return error;
        od::object data;
        if (envelope && key == "data" && value.get_object().get(data) == simdjson::SUCCESS) {
            if (auto error = read_object(data, fields, false)) return error;
            continue;
        }
        const auto at = letter_of(key);
        if (auto error = at < letters ? read_letter(value, at, fields) : read_word(value, key, fields)) return error;
    }
    return simdjson::SUCCESS;
}

using Refusal = std::optional<std::string_view>;

/// Takes the fields that an event must have; the first that is missing or wrong is the refusal.
class Reader {
  public:
    explicit Reader(const Fields& fields) : fields_(fields) {}
    int64_t number(size_t at, std::string_view refusal) {
        if (fields_.held[at] != Held::number) return refuse(refusal);
        return fields_.numbers[at];
    }
    int64_t time(size_t at, std::string_view refusal) { return exchange_ns(number(at, refusal)); }
    e8_t decimal(size_t at, std::string_view refusal) {
        const auto value = fields_.held[at] == Held::text ? parse_e8(fields_.texts[at]) : std::nullopt;
        return value ? *value : refuse(refusal);
    }
    bool truth(size_t at, std::string_view refusal) {
        if (fields_.held[at] != Held::truth) return refuse(refusal) != 0;
        return fields_.numbers[at] != 0;
    }
    int64_t refuse(std::string_view refusal) {
        if (!refusal_) refusal_ = refusal;
        return 0;
    }
    Refusal refusal() const { return refusal_; }

  private:
    const Fields& fields_;
    Refusal refusal_;
};

Refusal read_trade(const Fields& fields, Frame& frame) {
    Reader read(fields);
    auto& trade = frame.trade;
    trade = {};
    trade.event_ns = read.time('E'_at, "trade without a valid event time E");
    trade.trade_ns = read.time('T'_at, "trade without a valid trade time T");
    trade.price = read.decimal('p'_at, "trade whose price p is no decimal of at most 8 digits");
    trade.quantity = read.decimal('q'_at, "trade whose quantity q is no decimal of at most 8 digits");
    trade.buyer_is_maker = read.truth('m'_at, "trade without a side m");
    if (frame.kind == FrameKind::trade) {
        trade.id = read.number('t'_at, "trade without an id t");
    } else {
        trade.id = read.number('a'_at, "aggregate trade without an id a");
        trade.first_id = read.number('f'_at, "aggregate trade without a first id f");
        trade.last_id = read.number('l'_at, "aggregate trade without a last id l");
        trade.is_void = trade.price == 0 && trade.quantity == 0 && trade.first_id == -1 && trade.last_id == -1;
    }
    if (trade.id < 0) read.refuse("trade with a negative id");
    return read.refusal();
}

Refusal read_quote(const Fields& fields, Frame& frame) {
    Reader read(fields);
    frame.quote.update_id = read.number('u'_at, "best quote without an update id u");
    frame.quote.bid_price = read.decimal('b'_at, "best quote whose bid price b is no decimal of at most 8 digits");
    frame.quote.bid_quantity =
        read.decimal('B'_at, "best quote whose bid quantity B is no decimal of at most 8 digits");
    frame.quote.ask_price = read.decimal('a'_at, "best quote whose ask price a is no decimal of at most 8 digits");
    frame.quote.ask_quantity =
        read.decimal('A'_at, "best quote whose ask quantity A is no decimal of at most 8 digits");
    return read.refusal();
}

Refusal read_depth(const Fields& fields, Frame& frame) {
    Reader read(fields);
    auto& depth = frame.depth;
    depth.event_ns = read.time('E'_at, "depth event without a valid event time E");
    depth.first_id = read.number('U'_at, "depth event without a first update id U");
    depth.last_id = read.number('u'_at, "depth event without a last update id u");
    if (fields.held['b'_at] != Held::levels || fields.held['a'_at] != Held::levels)
        read.refuse("depth event without both sides b and a");
    if (fields.bad_level) read.refuse("depth event with a level that is no pair of decimals of at most 8 digits");
    if (depth.first_id > depth.last_id || depth.first_id < 0)
        read.refuse("depth event whose update ids U and u are out of order");
    depth.bids = fields.bids;
    depth.asks = fields.asks;
    return read.refusal();
}

bool looks_like_quote(const Fields& fields) {
    const auto& held = fields.held;
    return (fields.event.empty() || fields.event == "bookTicker") && held['u'_at] != Held::nothing &&
           held['b'_at] == Held::text && held['a'_at] == Held::text;
}

FrameKind kind_of(const Fields& fields) {
    if (fields.event == "trade") return FrameKind::trade;
    if (fields.event == "aggTrade") return FrameKind::agg_trade;
    if (fields.event == "depthUpdate") return FrameKind::depth;
    if (fields.event == "serverShutdown" || fields.stream == "!serverShutdown") return FrameKind::server_shutdown;
    if (looks_like_quote(fields)) return FrameKind::best_quote;
    if (fields.stream.empty() && fields.event.empty() && fields.code) return FrameKind::error;
    if (fields.stream.empty() && fields.event.empty() && fields.answer) return FrameKind::answer;
    return FrameKind::unknown;
}

Refusal read_frame(const Fields& fields, Frame& frame) {
    frame.kind = kind_of(fields);
    frame.symbol = fields.symbol;
    frame.text = frame.kind == FrameKind::error ? fields.message : fields.event.empty() ? fields.stream : fields.event;
    const bool market = frame.kind <= FrameKind::depth;
    if (market && frame.symbol.empty()) return "market event without a symbol s";
    switch (frame.kind) {
        case FrameKind::trade:
        case FrameKind::agg_trade:
            return read_trade(fields, frame);
        case FrameKind::best_quote:
            return read_quote(fields, frame);
        case FrameKind::depth:
            return read_depth(fields, frame);
        default:
            return {};
    }
}

}  // namespace

struct Decoder::State {
    od::parser parser;
    Fields fields;
    Frame frame;
};

Decoder::Decoder() : state_(std::make_unique<State>()) {
    // Room for the largest frame that is usual; a larger one grows the buffers once.
    [[maybe_unused]] const auto error = state_->parser.allocate(size_t{256} << 10);
    state_->fields.bids.reserve(depth_levels_max);
    state_->fields.asks.reserve(depth_levels_max);
}
Decoder::~Decoder() = default;

tl::expected<const Frame*, std::string_view> Decoder::decode(std::string_view text) {
    auto& [parser, fields, frame] = *state_;
    fields.clear();
    od::document document;
    od::object object;
    auto error = parser.iterate(text.data(), text.size(), text.size() + frame_padding).get(document);
    if (!error) error = document.get_object().get(object);
    if (!error) error = read_object(object, fields, true);
    if (error) return tl::make_unexpected(std::string_view(simdjson::error_message(error)));
    const char* rest = nullptr;
    if (document.current_location().get(rest) != simdjson::OUT_OF_BOUNDS)
        return tl::make_unexpected(std::string_view("text behind the end of the JSON object"));
    if (const auto refusal = read_frame(fields, frame)) return tl::make_unexpected(*refusal);
    return &frame;
}

int64_t exchange_ns(int64_t time) {
    constexpr int64_t ms_below = 100'000'000'000'000;      // the year 5138 in ms
    constexpr int64_t us_below = 100'000'000'000'000'000;  // the same in us
    if (time <= 0) return 0;
    if (time < ms_below) return time < std::numeric_limits<int64_t>::max() / 1'000'000 ? time * 1'000'000 : 0;
    return time < us_below && time < std::numeric_limits<int64_t>::max() / 1'000 ? time * 1'000 : 0;
}

}  // namespace of::binance
