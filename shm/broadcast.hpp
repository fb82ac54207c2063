// The broadcast ring: one writer that never waits and overwrites the oldest; any number of readers, each of which knows
// exactly how many messages it missed.
//
// A slot is a commit word (8 bytes) and a message. For position p (from 0, for ever):
//   (p+1) << 1 | 1   being written          (p+1) << 1   committed          anything older: not yet
// A batch of k slots is committed from its last slot to its first, so readers see all of it or nothing. A writer killed
// anywhere leaves at most slots "being written": readers wait at the first of them, and the successor's attach() goes
// on right there. The writer is owned by one thread of one process; the supervisor has reaped its predecessor before it
// attaches.
#pragma once

#include <cstring>

#include "shm/assert.hpp"
#include "shm/commit_word.hpp"

namespace of::shm {

/// Addresses of a ring's slots; shared by writers and readers.
template <uint32_t slot_bytes>
class SlotArray {
    static_assert(slot_bytes % 64 == 0);

  public:
    static constexpr uint32_t message_bytes = slot_bytes - sizeof(uint64_t);

    explicit SlotArray(const Segment& segment) : slots_(segment.slots()), mask_(segment.header().slots - 1) {
        OF_ASSERT(segment.header().slot_bytes == slot_bytes);
    }
    std::atomic<uint64_t>& word(uint64_t position) const {
        return *reinterpret_cast<std::atomic<uint64_t>*>(slots_ + (position & mask_) * slot_bytes);
    }
    std::byte* message(uint64_t position) const { return slots_ + (position & mask_) * slot_bytes + sizeof(uint64_t); }
    uint64_t capacity() const { return mask_ + 1; }

  private:
    std::byte* slots_;
    uint64_t mask_;
};

template <uint32_t slot_bytes>
class BroadcastWriter {
  public:
    /// Finds the last committed position and takes back what a dead predecessor had begun behind it.
    /// The ring has at least broadcast_slots_min slots.
    explicit BroadcastWriter(const Segment& segment) : slots_(segment), lines_(&segment.lines()) {
        OF_ASSERT(slots_.capacity() >= broadcast_slots_min);
        recover();
    }

    /// Starts a batch of `count` slots (at most batch_slots_max and half the ring): none of their old content is valid
    /// any more.
    void claim(uint64_t count = 1) {
        OF_ASSERT(count > 0 && count <= batch_slots_max && count <= slots_.capacity() / 2);
        for (uint64_t i = 0; i < count; ++i) {
            slots_.word(tail_ + i).store(writing_word(tail_ + i), std::memory_order_relaxed);
        }
        // Release fence: no store to a message below may become visible before the marks above. Pairs with the acquire
        // fence in BroadcastReader::read, whose second look then sees the mark if it copied any of the new bytes.
        std::atomic_thread_fence(std::memory_order_release);
    }

    /// The i-th message of the claimed batch, to be filled in place. Old bytes are in it: assign every field.
    template <typename Message>
    Message& message(uint64_t i = 0) {
        static_assert(sizeof(Message) <= SlotArray<slot_bytes>::message_bytes);
        OF_ASSERT(i < batch_slots_max);
        return *reinterpret_cast<Message*>(slots_.message(tail_ + i));
    }

    /// Shows the `count` slots that were claimed to readers, all at once. Returns the position of the first.
    uint64_t commit(uint64_t count = 1) {
        // The marks in the slots are the memory of the claim: one more store for each message, into memory of the
        // writer's own, would cost a third of the throughput, since stores wait in line behind those to the slots.
        OF_ASSERT(count > 0 &&
                  slots_.word(tail_ + count - 1).load(std::memory_order_relaxed) == writing_word(tail_ + count - 1));
        // Release, each: pairs with the reader's acquire load of the word. The first slot is last, and makes the batch
        // visible.
        for (uint64_t i = count; i-- > 0;) {
            slots_.word(tail_ + i).store(committed_word(tail_ + i), std::memory_order_release);
        }
        const auto first = tail_;
        tail_ += count;
        if (tail_hint_due(first, tail_)) lines_->tail.store(tail_, std::memory_order_release);
        return first;
    }

    uint64_t tail() const { return tail_; }
    uint64_t capacity() const { return slots_.capacity(); }
    RingLines& lines() const { return *lines_; }

  private:
    void recover() {
        if (!begin_writing(*lines_)) return;
        tail_ = lines_->tail.load(std::memory_order_acquire);
        while (slots_.word(tail_).load(std::memory_order_acquire) == committed_word(tail_)) ++tail_;
        // Behind the first uncommitted slot nothing counts, though a batch may have committed its later slots already.
        for (uint64_t p = tail_; p < tail_ + std::min(batch_slots_max, slots_.capacity() / 2); ++p) {
            auto& word = slots_.word(p);
            if (word.load(std::memory_order_relaxed) == committed_word(p))
                word.store(writing_word(p), std::memory_order_release);
        }
        lines_->tail.store(tail_, std::memory_order_release);
    }

    SlotArray<slot_bytes> slots_;
    RingLines* lines_;
    uint64_t tail_ = 0;
};

enum class ReadStatus : uint8_t {
    message,  ///< copied, whole
    empty,    ///< nothing new
    lapped,   ///< overwritten before it was read: lost() grew, position() jumped; read again
};

template <uint32_t slot_bytes>
class BroadcastReader {
  public:
    static constexpr uint32_t message_bytes = SlotArray<slot_bytes>::message_bytes;

    /// `position` is the next message to read: a cursor, oldest(), or newest().
    BroadcastReader(const Segment& segment, uint64_t position)
        : slots_(segment), lines_(&segment.lines()), position_(position) {}

    /// The first position that is surely still there; three quarters of the ring behind the writer, to leave it room.
    static uint64_t oldest(const Segment& segment) {
        const auto tail = segment.lines().tail.load(std::memory_order_acquire);
        const auto kept = segment.header().slots / 4 * 3;
        return tail > kept ? tail - kept : 0;
    }
    /// Behind the last message that is there now.
    static uint64_t newest(const Segment& segment) { return ring_tail(segment); }

    /// Copies the message at position() to `to` (message_bytes long) and goes on to the next.
    ReadStatus read(void* to) {
        auto& word = slots_.word(position_);
        // Acquire: pairs with the release store in commit(); the message's bytes are those of this commit or younger.
        const auto before = word.load(std::memory_order_acquire);
        if (before != committed_word(position_)) return miss(before);
        copy(to, slots_.message(position_));
        // Acquire fence: the second look comes after the copy. Pairs with the release fence in claim().
        std::atomic_thread_fence(std::memory_order_acquire);
        if (word.load(std::memory_order_relaxed) != before) return lapped();
        ++position_;
        return ReadStatus::message;
    }

    /// Whether read() would find something to do, without copying.
    bool ready() const {
        const auto word = slots_.word(position_).load(std::memory_order_acquire);
        return word >= committed_word(position_) && word != writing_word(position_);
    }

    /// Goes back (or on) to `position`, for a reader whose effect could not be made durable.
    void seek(uint64_t position) { position_ = position; }
    uint64_t position() const { return position_; }
    uint64_t lost() const { return lost_; }  ///< messages skipped by laps since construction
    /// Messages between position() and the end of the ring.
    uint64_t lag() const {
        auto tail = std::max(position_, lines_->tail.load(std::memory_order_acquire));
        for (const auto end = tail + slots_.capacity(); tail != end; ++tail) {
            if (slots_.word(tail).load(std::memory_order_acquire) != committed_word(tail)) break;
        }
        return tail - position_;
    }

  private:
    ReadStatus miss(uint64_t word) {
        if (word >> 1 > position_ + 1) return lapped();
        return ReadStatus::empty;
    }
    ReadStatus lapped() {
        const auto tail = lines_->tail.load(std::memory_order_acquire);
        const auto kept = slots_.capacity() / 4 * 3;
        const auto resume = std::max(position_ + 1, tail > kept ? tail - kept : 0);
        lost_ += resume - position_;
        position_ = resume;
        return ReadStatus::lapped;
    }
    /// Word by word and atomic, since the writer may be overwriting it; what was torn is thrown away by the second
    /// look.
    static void copy(void* to, const std::byte* from) {
        auto* target = static_cast<std::byte*>(to);
        for (uint32_t at = 0; at < message_bytes; at += sizeof(uint64_t)) {
            const auto value =
                reinterpret_cast<const std::atomic<uint64_t>*>(from + at)->load(std::memory_order_relaxed);
            std::memcpy(target + at, &value, sizeof value);
        }
    }

    SlotArray<slot_bytes> slots_;
    RingLines* lines_;
    uint64_t position_;
    uint64_t lost_ = 0;
};

}  // namespace of::shm
