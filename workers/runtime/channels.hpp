// Typed ends of channels: a ring, the doorbells of its readers, the header of each message, and a reader's cursor.
//
// Publisher and Sender fill in type, origin, correlation ID and publication time, so that no worker forgets one.
// Owned by one thread; nothing here allocates after construction.
#pragma once

#include <array>
#include <string>
#include <utility>

#include "proto/message.hpp"
#include "shm/control_page.hpp"
#include "shm/doorbell.hpp"
#include "shm/queue.hpp"
#include "workers/runtime/clock.hpp"

namespace of {

/// The writing end of a channel, over BroadcastWriter or QueueWriter.
template <typename Writer>
class WritingEnd {
  public:
    WritingEnd(shm::Segment segment, ProcessId self, std::vector<shm::DoorbellWriter> bells)
        : segment_(std::move(segment)), writer_(segment_), origin_(self.packed()), bells_(std::move(bells)) {}

    /// The i-th message of the claimed batch, with its header filled in. Assign every field of the body.
    template <typename Message>
    Message& message(MessageType type, CorrelationId correlation, uint64_t i = 0) {
        auto& message = writer_.template message<Message>(i);
        message.header = {.type = type, .origin = origin_, .correlation = correlation};
        return message;
    }
    /// Stamps the claimed batch, shows it, and wakes the readers that sleep. Returns the first position.
    uint64_t commit(uint64_t count = 1) {
        const auto now = static_cast<uint64_t>(mono_ns());
        for (uint64_t i = 0; i < count; ++i) writer_.template message<Header>(i).publish_ns = now;
        const auto position = writer_.commit(count);
        for (auto& bell : bells_) {
            if (bell.ring(count)) count_wake();
        }
        return position;
    }
    Writer& writer() { return writer_; }
    const Writer& writer() const { return writer_; }
    const shm::Segment& segment() const { return segment_; }

  private:
    void count_wake() {
        auto& wakes = writer_.lines().wakes;
        wakes.store(wakes.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    shm::Segment segment_;
    Writer writer_;
    uint8_t origin_;
    std::vector<shm::DoorbellWriter> bells_;
};

/// Broadcast: claim() always succeeds.
template <uint32_t slot_bytes>
class Publisher : public WritingEnd<shm::BroadcastWriter<slot_bytes>> {
  public:
    using WritingEnd<shm::BroadcastWriter<slot_bytes>>::WritingEnd;
    void claim(uint64_t count = 1) { this->writer().claim(count); }
};

/// Queue: claim() says whether there was room; what is refused is counted in the ring and in the control page.
template <uint32_t slot_bytes>
class Sender : public WritingEnd<shm::QueueWriter<slot_bytes>> {
  public:
    using WritingEnd<shm::QueueWriter<slot_bytes>>::WritingEnd;
    bool claim(uint64_t count = 1) { return this->writer().claim(count); }
};

/// The reading end of a broadcast ring. The cursor lies in the control page, so that a successor goes on there; what
/// has been handled is said with acknowledge(), after its effect is durable.
template <uint32_t slot_bytes>
class Subscriber {
  public:
    /// Goes on at the cursor if it belongs to this ring, else at `otherwise`.
    Subscriber(shm::Segment segment, shm::Cursor& cursor, uint64_t otherwise)
        : segment_(std::move(segment)),
          resumed_(belongs(segment_, cursor)),
          reader_(segment_, resumed_ ? cursor.position.load(std::memory_order_acquire) : otherwise),
          cursor_(&cursor),
          lost_before_(cursor.lost.load(std::memory_order_relaxed)) {
        cursor.generation.store(segment_.header().generation, std::memory_order_relaxed);
        acknowledge();
    }
    shm::ReadStatus read() { return reader_.read(buffer_.data()); }
    /// The message that the last read() copied.
    template <typename Message>
    const Message& message() const {
        static_assert(sizeof(Message) <= slot_bytes - sizeof(uint64_t));
        return *reinterpret_cast<const Message*>(buffer_.data());
    }
    const Header& header() const { return message<Header>(); }

    /// Everything before position() is done with.
    void acknowledge() { acknowledge(reader_.position()); }
    void acknowledge(uint64_t position) {
        cursor_->lost.store(lost_before_ + reader_.lost(), std::memory_order_relaxed);
        cursor_->position.store(position, std::memory_order_release);
    }
    /// Goes back to `position`, to read again what could not be handled.
    void seek(uint64_t position) { reader_.seek(position); }
    bool ready() const { return reader_.ready(); }
    uint64_t position() const { return reader_.position(); }
    uint64_t lost() const { return reader_.lost(); }
    uint64_t lag() const { return reader_.lag(); }
    /// Whether it went on at a predecessor's cursor.
    bool resumed() const { return resumed_; }
    const shm::Segment& segment() const { return segment_; }
    std::string name() const { return segment_.header().channel; }

  private:
    static bool belongs(const shm::Segment& segment, const shm::Cursor& cursor) {
        return cursor.generation.load(std::memory_order_relaxed) == segment.header().generation;
    }

    shm::Segment segment_;
    bool resumed_;
    shm::BroadcastReader<slot_bytes> reader_;
    shm::Cursor* cursor_;
    uint64_t lost_before_;
    alignas(8) std::array<std::byte, slot_bytes> buffer_{};
};

/// The reading end of a queue.
template <uint32_t slot_bytes>
class Receiver {
  public:
    explicit Receiver(shm::Segment segment) : segment_(std::move(segment)), reader_(segment_) {}
    /// The oldest message, in place, or nullptr; done(), once it is handled.
    const Header* front() { return reinterpret_cast<const Header*>(reader_.front()); }
    void done() { reader_.pop(); }
    bool ready() const { return reader_.ready(); }

  private:
    shm::Segment segment_;
    shm::QueueReader<slot_bytes> reader_;
};

}  // namespace of
