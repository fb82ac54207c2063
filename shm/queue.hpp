// The queue: one writer, one reader, nothing overwritten; a full queue refuses and counts, and never waits.
//
// A slot's commit word holds position + 1 once its message is whole. The reader publishes its head every 16 messages,
// when the queue runs empty, and on flush(): after its death at most 16 messages are seen twice. A batch appears all at
// once, as in broadcast.hpp. Each side caches the other's index on its own stack of lines, so one line moves for each
// message.
#pragma once

#include "shm/broadcast.hpp"

namespace of::shm {

template <uint32_t slot_bytes>
class QueueWriter {
  public:
    explicit QueueWriter(const Segment& segment) : slots_(segment), lines_(&segment.lines()) { recover(); }

    /// Room for `count` messages that will appear at once; false, and counted, when the queue is full.
    bool claim(uint64_t count = 1) {
        OF_ASSERT(count > 0 && count <= batch_slots_max);
        if (tail_ + count <= limit_) [[likely]]
            return true;
        // Acquire: pairs with the reader's release store of head; it has done with the slots below.
        limit_ = lines_->head.load(std::memory_order_acquire) + slots_.capacity();
        if (tail_ + count <= limit_) return true;
        lines_->refused.store(lines_->refused.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
        return false;
    }
    template <typename Message>
    Message& message(uint64_t i = 0) {
        static_assert(sizeof(Message) <= SlotArray<slot_bytes>::message_bytes);
        OF_ASSERT(i < batch_slots_max);
        return *reinterpret_cast<Message*>(slots_.message(tail_ + i));
    }
    /// Shows the `count` slots that were claimed, all at once. Returns the position of the first.
    uint64_t commit(uint64_t count = 1) {
        OF_ASSERT(count > 0 && tail_ + count <= limit_);
        // Release, each: pairs with the reader's acquire load in front(). The first slot makes the batch visible.
        for (uint64_t i = count; i-- > 0;)
            slots_.word(tail_ + i).store(queued_word(tail_ + i), std::memory_order_release);
        const auto first = tail_;
        tail_ += count;
        if (tail_hint_due(first, tail_)) lines_->tail.store(tail_, std::memory_order_release);
        return first;
    }

    uint64_t tail() const { return tail_; }
    uint64_t refused() const { return lines_->refused.load(std::memory_order_relaxed); }
    RingLines& lines() const { return *lines_; }

  private:
    void recover() {
        const auto head = lines_->head.load(std::memory_order_acquire);
        limit_ = head + slots_.capacity();
        if (!begin_writing(*lines_)) return;
        tail_ = std::max(lines_->tail.load(std::memory_order_acquire), head);
        while (slots_.word(tail_).load(std::memory_order_acquire) == queued_word(tail_)) ++tail_;
        for (uint64_t p = tail_; p < tail_ + std::min(batch_slots_max, slots_.capacity()); ++p) {
            auto& word = slots_.word(p);
            if (word.load(std::memory_order_relaxed) == queued_word(p)) word.store(0, std::memory_order_release);
        }
        lines_->tail.store(tail_, std::memory_order_release);
    }

    SlotArray<slot_bytes> slots_;
    RingLines* lines_;
    uint64_t tail_ = 0;
    uint64_t limit_ = 0;  ///< positions below it are free to write, as far as this writer knows
};

template <uint32_t slot_bytes>
class QueueReader {
  public:
    static constexpr uint64_t publish_every = 16;

    /// Goes on where the last reader's head stands.
    explicit QueueReader(const Segment& segment)
        : slots_(segment),
          lines_(&segment.lines()),
          head_(lines_->head.load(std::memory_order_acquire)),
          published_(head_) {}

    /// The oldest message, in place, or nullptr. Valid until pop().
    const std::byte* front() {
        // Acquire: pairs with the release store of the commit word.
        if (slots_.word(head_).load(std::memory_order_acquire) == queued_word(head_)) return slots_.message(head_);
        flush();
        return nullptr;
    }
    void pop() {
        ++head_;
        if (head_ - published_ >= publish_every) flush();
    }
    /// Tells the writer (and a successor of this reader) that everything before head is done with.
    void flush() {
        if (published_ == head_) return;
        published_ = head_;
        // Release: pairs with the writer's acquire load in claim(); our reads of the slots are over.
        lines_->head.store(head_, std::memory_order_release);
    }
    bool ready() const { return slots_.word(head_).load(std::memory_order_acquire) == queued_word(head_); }
    uint64_t head() const { return head_; }

  private:
    SlotArray<slot_bytes> slots_;
    RingLines* lines_;
    uint64_t head_;
    uint64_t published_;
};

}  // namespace of::shm
