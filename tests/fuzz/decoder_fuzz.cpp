// Frames and REST answers of the exchange: any bytes give an event or a refusal.
#include "tests/fuzz/target.hpp"
#include "workers/binance/decoder.hpp"
#include "workers/binance/rest_decoder.hpp"

const std::string_view fuzz_name = "decoder";

std::vector<std::string> fuzz_corpus() {
    return {
        R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}})",
        R"({"stream":"bnbbtc@aggTrade","data":{"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":12345,"p":"0.001","q":"100","f":100,"l":105,"T":1672515782136,"m":true,"M":true}})",
        R"({"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}})",
        R"({"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255308,"s":"BTCUSDT","U":50093239203,"u":50093239207,"b":[["55653.87","0"]],"a":[["61838.04","0.3"],["61844.3","0.4"]]}})",
        R"({"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}})",
        R"({"result":null,"id":1})",
        R"({"code":2,"msg":"Invalid request"})",
        R"({"lastUpdateId":1027024,"bids":[["4.00000000","431.00000000"]],"asks":[["4.00000200","12.00000000"]]})",
        R"([{"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","time":1499865549590,"isBuyerMaker":true,"isBestMatch":true}])",
        R"([{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}])",
    };
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace of::binance;
    static Decoder decoder;
    static RestDecoder rest_decoder;
    if (size > frame_bytes_max) return 0;
    std::string frame(reinterpret_cast<const char*>(data), size);
    frame.resize(size + frame_padding);
    static_cast<void>(decoder.decode({frame.data(), size}));
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    for (const auto kind : {of::GapKind::trade, of::GapKind::agg_trade})
        static_cast<void>(rest_decoder.trades(body, kind));
    static_cast<void>(rest_decoder.snapshot(body));
    static_cast<void>(error_sentence(body));
    return 0;
}
