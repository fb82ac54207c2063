#include "tests/exchange/malformed.hpp"

#include <array>

namespace of::exchange {

namespace {

constexpr std::array<std::string_view, 7> payloads{
    R"({"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"1.234567891","q":"1.00000000","T":1,"m":true,"M":true})",
    R"({"e":"trade","E":"yesterday","s":7,"t":"x","p":1.5,"q":null,"T":[],"m":"no","M":true})",
    R"({"e":"depthUpdate","E":1,"s":"BTCUSDT","U":2,"u":1,"b":[["1.0"]],"a":{}})",
    R"({"e":"unheardOf","E":1})",
    R"({})",
    R"([])",
    R"(null)",
};

FramePtr whole(StreamId stream, std::string_view text) {
    auto frame = std::make_shared<Frame>();
    frame->stream = stream;
    frame->owned = text;
    frame->text = frame->owned;
    return frame;
}

}  // namespace

FramePtr make_malformed(StreamId stream, std::string_view name, std::string_view like, uint64_t number) {
    const uint64_t form = number % (payloads.size() + 2);
    FramePtr frame;
    if (form == 0) {
        frame = whole(stream, like.substr(0, like.size() / 2));  // cut in the middle
    } else if (form == 1) {
        frame = whole(stream, "this is no JSON at all");
    } else {
        frame = make_frame(stream, name, payloads[form - 2]);
    }
    frame->sent = true;
    return frame;
}

}  // namespace of::exchange
