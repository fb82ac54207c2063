// Live trades of one symbol that wait for one client until its stored ones are sent: so that the two join without hole
// or double.
//
// `after` is the ring position before which the store must have committed everything when it is asked: what came later
// is held here. The store may already have rows of held trades; those are told by their ids, until the ring has gone
// past `settled`, the ring's end when the store had answered. Pure; one thread.
#pragma once

#include <algorithm>
#include <deque>
#include <limits>
#include <vector>

#include "workers/communication/frame_pool.hpp"

namespace of::communication {

class Hold {
  public:
    Hold(uint64_t number, uint32_t topic, uint64_t after, size_t frames_max)
        : number_(number), topic_(topic), after_(after), frames_max_(frames_max) {}

    enum class Verdict : uint8_t {
        held,
        twice,  ///< was sent as a stored one
        pass,   ///< to be sent now
        over,   ///< to be sent now, and this hold has done its work
        lost,   ///< held, but an older one had to go
    };
    Verdict offer(const FrameRef& frame) {
        if (released_) {
            if (frame->position >= settled_) return Verdict::over;
            return was_sent(frame->id) ? Verdict::twice : Verdict::pass;
        }
        frames_.push_back(frame);
        if (frames_.size() <= frames_max_) return Verdict::held;
        const auto oldest = frames_.front();
        frames_.pop_front();
        if (asked_) return Verdict::lost;
        after_ = std::max(after_, oldest->position + 1);  // the store will have it by the time it is asked
        return Verdict::held;
    }
    /// The store has been asked: from now on nothing that is dropped here can come from it.
    void asked() { asked_ = true; }
    /// A stored trade was sent; ids come in ascending order.
    void sent(int64_t id) { sent_.push_back(id); }

    /// The held trades that were not sent yet, oldest first; later ones pass.
    std::vector<FrameRef> release(uint64_t settled) {
        settled_ = settled;
        released_ = true;
        std::vector<FrameRef> rest;
        for (auto& frame : frames_) {
            if (!was_sent(frame->id)) rest.push_back(std::move(frame));
        }
        frames_.clear();
        return rest;
    }

    /// The id of the oldest held trade that came in its turn; 0 for none.
    int64_t first_id() const {
        const auto found = std::ranges::find_if(frames_, [](const FrameRef& frame) { return !frame->repaired; });
        return found == frames_.end() ? 0 : (*found)->id;
    }
    uint64_t number() const { return number_; }
    uint32_t topic() const { return topic_; }
    uint64_t after() const { return after_; }
    bool released() const { return released_; }
    uint64_t rows() const { return sent_.size(); }
    int64_t last_sent() const { return sent_.empty() ? 0 : sent_.back(); }

  private:
    bool was_sent(int64_t id) const { return std::ranges::binary_search(sent_, id); }

    uint64_t number_;
    uint32_t topic_;
    uint64_t after_;
    size_t frames_max_;
    std::deque<FrameRef> frames_;
    std::vector<int64_t> sent_;
    uint64_t settled_ = std::numeric_limits<uint64_t>::max();
    bool asked_ = false;
    bool released_ = false;
};

}  // namespace of::communication
