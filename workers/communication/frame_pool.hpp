// Frames: market messages rendered once, framed for the wire, and shared by all the sessions that send them.
//
// The pool grows by blocks while clients lag and then reuses what they let go, so the data path allocates nothing in
// the steady state. Its bound is the sum of the clients' queues. One thread; the pool outlives its frames.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/correlation.hpp"
#include "workers/communication/ws_codec.hpp"

namespace of::communication {

class FramePool;

inline constexpr size_t frame_bytes_max = 512;

struct Frame {
    FramePool* pool = nullptr;
    Frame* next_free = nullptr;
    uint32_t refs = 0;
    uint32_t size = 0;
    int64_t id = 0;          ///< trade id or update id
    int64_t receive_ns = 0;  ///< 0 for what did not come off the feed just now
    uint64_t position = 0;   ///< of the ring
    CorrelationId correlation;
    uint32_t clients = 0;  ///< it was given to
    uint16_t symbol = 0;
    bool sampled = false;
    bool repaired = false;   ///< came late, behind trades of higher ids
    bool delivered = false;  ///< its hop is written
    std::array<char, frame_bytes_max> bytes{};

    std::string_view wire() const { return {bytes.data(), size}; }
};

/// Counts the users of a frame; the last one gives it back to its pool.
class FrameRef {
  public:
    FrameRef() = default;
    explicit FrameRef(Frame* frame) : frame_(frame) {
        if (frame_ != nullptr) ++frame_->refs;
    }
    FrameRef(const FrameRef& other) : FrameRef(other.frame_) {}
    FrameRef(FrameRef&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    FrameRef& operator=(FrameRef other) noexcept {
        std::swap(frame_, other.frame_);
        return *this;
    }
    ~FrameRef() { release(); }

    Frame* operator->() const { return frame_; }
    Frame& operator*() const { return *frame_; }
    explicit operator bool() const { return frame_ != nullptr; }

  private:
    inline void release();
    Frame* frame_ = nullptr;
};

class FramePool {
  public:
    /// A frame that carries `payload` as one text message. Empty when the payload does not fit.
    FrameRef make(std::string_view payload) {
        if (payload.size() + ws_header_bytes_max > frame_bytes_max) return {};
        if (free_ == nullptr) grow();
        auto* frame = std::exchange(free_, free_->next_free);
        ++in_use_;
        const auto header = encode_header(frame->bytes.data(), Opcode::text, payload.size());
        std::memcpy(frame->bytes.data() + header, payload.data(), payload.size());
        frame->size = static_cast<uint32_t>(header + payload.size());
        frame->id = frame->receive_ns = 0;
        frame->position = 0;
        frame->correlation = {};
        frame->clients = 0;
        frame->symbol = 0;
        frame->sampled = frame->repaired = frame->delivered = false;
        return FrameRef(frame);
    }
    size_t in_use() const { return in_use_; }

  private:
    friend class FrameRef;
    static constexpr size_t block_frames = 256;

    void grow() {
        blocks_.push_back(std::make_unique<std::array<Frame, block_frames>>());
        for (auto& frame : *blocks_.back()) {
            frame.pool = this;
            frame.next_free = std::exchange(free_, &frame);
        }
    }
    void give_back(Frame* frame) {
        --in_use_;
        frame->next_free = std::exchange(free_, frame);
    }

    std::vector<std::unique_ptr<std::array<Frame, block_frames>>> blocks_;
    Frame* free_ = nullptr;
    size_t in_use_ = 0;
};

inline void FrameRef::release() {
    if (frame_ != nullptr && --frame_->refs == 0) frame_->pool->give_back(frame_);
    frame_ = nullptr;
}

}  // namespace of::communication
