// The check of a ring: what its slots' commit words may be, given where the ring ends.
//
// With positions below `tail` committed, slot s holds the newest position below `tail` that lies in it (its turn), or a
// position of the batch that is being written: those are `tail` and the ones behind it, as far as one batch reaches.
// Beside a living writer the end is taken before and after the words are read, and what is possible between the two
// passes.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "shm/commit_word.hpp"
#include "shm/verify.hpp"

namespace of::shm {
namespace {

/// Beyond this share of wrong slots it is the ring's end that is wrong.
constexpr uint64_t slots_for_one_wrong_counter = 8;
constexpr uint64_t writer_fields_end = offsetof(RingLines, writers) + sizeof(RingLines::writers);

class RingCheck {
  public:
    RingCheck(const Segment& segment, Taken taken, Depth depth, Findings& findings)
        : segment_(segment),
          findings_(findings),
          queue_(segment.header().kind == SegmentKind::queue),
          slots_(segment.header().slots),
          torn_(taken == Taken::while_written),
          played_(taken == Taken::played),
          quick_(depth == Depth::quick),
          batch_(torn_ ? slots_ : std::min(batch_slots_max, queue_ ? slots_ : slots_ / 2)) {}

    void run() {
        check_lines();
        if (quick_ && end_is_proved()) return check_distances();
        copy_words();
        if (check_counters()) check_slots();
    }

  private:
    void check_lines() {
        const auto& lines = segment_.lines();
        const auto body = uint64_t{body_offset};
        verify_zero(findings_, segment_, body + writer_fields_end, offsetof(RingLines, head) - writer_fields_end,
                    "reserved bytes of the ring");
        verify_zero(findings_, segment_, body + offsetof(RingLines, head) + 8,
                    sizeof(RingLines) - offsetof(RingLines, head) - 8, "reserved bytes of the ring");
        if (queue_) return;
        if (const auto head = lines.head.load(std::memory_order_acquire); head != 0)
            findings_.add(body + offsetof(RingLines, head), "head of a broadcast ring", head, "0");
        if (const auto refused = lines.refused.load(std::memory_order_relaxed); refused != 0)
            findings_.add(body + offsetof(RingLines, refused), "refused of a broadcast ring", refused, "0");
    }
    /// All words, and where the ring ended before and after they were read.
    void copy_words() {
        tail_ = ring_tail(segment_);
        words_.resize(slots_);
        for (uint64_t slot = 0; slot < slots_; ++slot) words_[slot] = word(slot);
        take_counters();
    }
    /// After words were read.
    void take_counters() {
        head_ = segment_.lines().head.load(std::memory_order_acquire);
        hint_ = segment_.lines().tail.load(std::memory_order_acquire);
        tail_after_ = std::max(tail_, ring_tail(segment_));
    }
    /// The newest message is where the counters say, and behind it is what may be there.
    bool end_is_proved() {
        tail_ = ring_tail(segment_);
        const auto newest = (tail_ - 1) & (slots_ - 1);
        const auto next = tail_ & (slots_ - 1);
        const auto held_by_newest = word(newest);
        const auto held_by_next = word(next);
        take_counters();
        return (tail_ == 0 || possible(newest, held_by_newest)) && possible(next, held_by_next);
    }
    /// False when the counters alone are impossible, which makes each slot look wrong.
    bool check_counters() {
        const uint64_t bad = count_impossible();
        if (bad > slots_for_one_wrong_counter && bad > slots_ / 2) {
            const bool by_head = queue_ && head_ > hint_;
            findings_.add(body_offset + (by_head ? offsetof(RingLines, head) : offsetof(RingLines, tail)),
                          by_head ? "head" : "tail", by_head ? head_ : hint_,
                          fmt::format("near {}, the end that the slots show", newest_position()));
            return false;
        }
        check_distances();
        return true;
    }
    /// Of the counters to each other and to the end.
    void check_distances() {
        const auto body = uint64_t{body_offset};
        if (tail_ > hint_ && tail_ - hint_ >= tail_hint_every + batch_)
            findings_.add(body + offsetof(RingLines, tail), "tail", hint_,
                          fmt::format("at least {}: the ring ends at {}", tail_ - tail_hint_every - batch_ + 1, tail_));
        // Conservation: published = read + in ring, and the ring holds no more than it has slots.
        if (queue_ && !torn_ && tail_ > head_ && tail_ - head_ > slots_)
            findings_.add(body + offsetof(RingLines, head), "head", head_,
                          fmt::format("at least {}: published {}, {} slots", tail_ - slots_, tail_, slots_));
    }
    void check_slots() {
        for (uint64_t slot = 0; slot < slots_; ++slot) {
            if (!possible(slot, words_[slot])) report(slot);
        }
        if (tail_ == tail_after_ && !torn_) check_batch();
    }
    /// Slots behind the end that are in use belong to one batch: from the end on (broadcast), or all in a row.
    void check_batch() {
        uint64_t runs = 0;
        bool before = false;
        for (uint64_t i = 0; i < batch_; ++i) {
            const auto slot = (tail_ + i) & (slots_ - 1);
            const bool in_use = words_[slot] != 0 && position_of(words_[slot]) == tail_ + i;
            if (in_use && !before) ++runs;
            if (in_use && !before && (runs > 1 || (!queue_ && i != 0)))
                findings_.add(offset_of(slot), fmt::format("commit word of slot {}", slot), words_[slot],
                              fmt::format("nothing of a second batch behind the end, {}", tail_));
            before = in_use;
        }
    }

    bool possible(uint64_t slot, uint64_t held) const {
        const auto turn = turn_of(slot);
        if (held == 0)
            return !turn || played_ || (queue_ && *turn + slots_ < tail_after_ + batch_ && (torn_ || *turn < head_));
        const auto position = position_of(held);
        if ((position & (slots_ - 1)) != slot || position >= tail_after_ + batch_) return false;
        if (turn && position < *turn) return false;
        const bool being_written = !queue_ && (held & 1) != 0;
        if (being_written) return position >= tail_;
        // A queue's slot is written anew only when its reader has done with it.
        return !queue_ || torn_ || !turn || position == *turn || position - slots_ < head_;
    }
    uint64_t count_impossible() const {
        uint64_t bad = 0;
        for (uint64_t slot = 0; slot < slots_; ++slot) bad += possible(slot, words_[slot]) ? 0 : 1;
        return bad;
    }
    void report(uint64_t slot) {
        const auto turn = turn_of(slot);
        const auto what = fmt::format("commit word of slot {}", slot);
        if (!turn) return findings_.add(offset_of(slot), what, words_[slot], "0: its first position was never written");
        findings_.add(
            offset_of(slot), what, words_[slot],
            fmt::format("{}, that of position {}", queue_ ? queued_word(*turn) : committed_word(*turn), *turn));
    }

    uint64_t word(uint64_t slot) const {
        const auto* at = segment_.slots() + slot * segment_.header().slot_bytes;
        // Acquire: the words behind this one, and the counters after all of them, are not older.
        return reinterpret_cast<const std::atomic<uint64_t>*>(at)->load(std::memory_order_acquire);
    }
    uint64_t position_of(uint64_t held) const { return queue_ ? held - 1 : (held >> 1) - 1; }
    /// The newest position below the end that lies in this slot; nothing for one that was never reached.
    std::optional<uint64_t> turn_of(uint64_t slot) const {
        if (tail_ <= slot) return {};
        return tail_ - 1 - ((tail_ - 1 - slot) & (slots_ - 1));
    }
    uint64_t newest_position() const {
        uint64_t newest = 0;
        for (uint64_t slot = 0; slot < slots_; ++slot) {
            const auto position = position_of(words_[slot]);
            // Twice, so that one damaged word does not speak for the ring.
            const auto next = (slot + 1) & (slots_ - 1);
            const bool witnessed = words_[slot] != 0 && (position & (slots_ - 1)) == slot &&
                                   (position_of(words_[next]) == position + 1 ||
                                    position_of(words_[next]) + slots_ == position + 1 || words_[next] == 0);
            if (witnessed) newest = std::max(newest, position + 1);
        }
        return newest;
    }
    uint64_t offset_of(uint64_t slot) const {
        return body_offset + sizeof(RingLines) + slot * segment_.header().slot_bytes;
    }

    const Segment& segment_;
    Findings& findings_;
    const bool queue_;
    const uint64_t slots_;
    const bool torn_;       ///< a copy: what it shows is of several moments
    const bool played_;     ///< messages may be left out
    const bool quick_;      ///< no more slots than it takes to believe the counters
    const uint64_t batch_;  ///< slots behind the end that may be in use: those of one batch, or in a torn copy a lap
    std::vector<uint64_t> words_;
    uint64_t tail_ = 0;  ///< before the words were read
    uint64_t tail_after_ = 0;
    uint64_t head_ = 0;
    uint64_t hint_ = 0;
};

}  // namespace

bool was_played(const Segment& segment) {
    return segment.header().kind != SegmentKind::page && segment.lines().writers.load(std::memory_order_relaxed) == 0 &&
           segment.lines().tail.load(std::memory_order_relaxed) != 0;
}

void verify_ring(const Segment& segment, Taken taken, Depth depth, Findings& findings) {
    RingCheck(segment, taken, depth, findings).run();
}

}  // namespace of::shm
