// A frame of the stand-in exchange, and the table of stream names.
//
// A Frame is made once by the market and shared by all clients that it goes to: nobody copies or prints it
// again. It is owned by whoever still has to send it (tape frames are lent by the tape, which lives as long
// as the program). The program has one thread; nothing here is safe for more.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace of::exchange {

using StreamId = uint32_t;

struct Frame {
    std::string_view text;    // {"stream":"btcusdt@trade","data":{...}}
    std::string_view micros;  // the same with times in microseconds; empty when the market has none
    StreamId stream = 0;
    uint32_t data_at = 0;  // the raw payload is text[data_at, size - 1), in both units
    bool sent = false;     // at least one client has it
    std::string owned;
    std::string owned_micros;

    std::string_view bytes(bool combined, bool in_micros) const {
        const std::string_view whole = in_micros && !micros.empty() ? micros : text;
        return combined ? whole : whole.substr(data_at, whole.size() - data_at - 1);
    }
};
using FramePtr = std::shared_ptr<Frame>;

/// Wraps a payload into the combined envelope; `micros` may be empty.
inline FramePtr make_frame(StreamId stream, std::string_view name, std::string_view data,
                           std::string_view micros = {}) {
    auto frame = std::make_shared<Frame>();
    const std::string head = "{\"stream\":\"" + std::string(name) + "\",\"data\":";
    frame->stream = stream;
    frame->data_at = static_cast<uint32_t>(head.size());
    frame->owned = head + std::string(data) + "}";
    frame->text = frame->owned;
    if (!micros.empty()) frame->owned_micros = head + std::string(micros) + "}";
    frame->micros = frame->owned_micros;
    return frame;
}

/// Stream names get small numbers, so that the fan-out compares bits and not text. Names are never forgotten:
/// the table is bounded by what clients subscribe to (1,024 names each).
class StreamTable {
  public:
    StreamId intern(std::string_view name) {
        const auto [at, fresh] = ids_.try_emplace(std::string(name), static_cast<StreamId>(names_.size()));
        if (fresh) names_.emplace_back(name);
        return at->second;
    }
    const std::string& name(StreamId id) const { return names_[id]; }
    size_t size() const { return names_.size(); }

  private:
    std::unordered_map<std::string, StreamId> ids_;
    std::deque<std::string> names_;
};

}  // namespace of::exchange
