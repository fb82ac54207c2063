// What clients send: HTTP targets and WebSocket bytes.
#include <cstdlib>

#include "tests/fuzz/target.hpp"
#include "workers/communication/request.hpp"
#include "workers/communication/ws_codec.hpp"

const std::string_view fuzz_name = "client";

std::vector<std::string> fuzz_corpus() {
    using namespace std::string_literals;
    return {"/api/trades?symbol=BTCUSDT&limit=10",
            "/api/book?symbol=%E8%BF%99&limit=0",
            "/ws",
            "/../etc/passwd?a=b&a=c&&=",
            "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s,                          // "Hello", masked
            "\x01\x83\x01\x02\x03\x04\x49\x67\x6f\x80\x82\x01\x02\x03\x04\x6d\x6d"s,  // in two fragments
            "\x89\x80\x01\x02\x03\x04\x88\x82\x00\x00\x00\x00\x03\xe8"s,              // ping, close
            "\x81\xfe\x01\x00\x00\x00\x00\x00"s + std::string(256, 'x')};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace of::communication;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto target = parse_target(text); target && target->path.empty()) std::abort();
    MessageReader reader;
    reader.feed(text);
    for (size_t events = 0; events <= size; ++events) {
        const auto event = reader.next();
        if (event == MessageReader::Event::need_more || event == MessageReader::Event::error) break;
        if (reader.payload().size() > message_bytes_max) std::abort();
    }
    return 0;
}
