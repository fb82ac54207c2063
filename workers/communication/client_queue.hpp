// What waits for one client: answers and stored trades first, then live trades in order, then the newest quote of each
// symbol.
//
// Trades are bounded: when their queue is full the new ones are dropped and counted, and the count is given out at
// exactly the place where they are missing. Quotes are conflated: a newer one takes the place of one that was not yet
// sent. Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "workers/communication/frame_pool.hpp"

namespace of::communication {

class ClientQueue {
  public:
    /// Answers to a client's own requests that may wait; one who asks without reading is closed.
    static constexpr size_t answers_max = 256;

    explicit ClientQueue(size_t trades_max) : trades_(trades_max) {}

    /// The next piece to send: one of the three.
    struct Next {
        FrameRef frame;
        std::string answer;  ///< already framed
        uint64_t lost = 0;   ///< trades missing here
    };

    /// False when there are answers_max already.
    bool answer(std::string framed) {
        if (answers_.size() >= answers_max) return false;
        answers_.push_back({{}, std::move(framed)});
        return true;
    }
    /// Stored trades: as many as a backlog has, in order with its end (an answer).
    void stored(FrameRef frame) { backlog_.push_back({std::move(frame), {}}); }
    void stored(std::string framed) { backlog_.push_back({{}, std::move(framed)}); }

    /// False, and counted, when there is no room.
    bool trade(FrameRef frame) {
        if (full()) {
            note_lost(1);
            return false;
        }
        trades_[(first_ + used_) % trades_.size()] = {std::move(frame), std::exchange(lost_, 0)};
        ++used_;
        return true;
    }
    /// Trades that never reached this queue.
    void note_lost(uint64_t count) {
        lost_ += count;
        lost_total_ += count;
    }
    /// True when an older quote of this topic was replaced.
    bool quote(uint32_t topic, FrameRef frame) {
        if (topic >= quotes_.size()) quotes_.resize(topic + 1);
        const bool replaces = static_cast<bool>(quotes_[topic]);
        if (!replaces) quoted_.push_back(topic);
        quotes_[topic] = std::move(frame);
        return replaces;
    }

    std::optional<Next> next() {
        if (!answers_.empty()) return take(answers_);
        if (!backlog_.empty()) return take(backlog_);
        if (used_ != 0) return next_trade();
        if (lost_ != 0) return Next{.lost = std::exchange(lost_, 0)};
        if (quoted_.empty()) return {};
        const auto topic = quoted_.front();
        quoted_.pop_front();
        return Next{.frame = std::exchange(quotes_[topic], {})};
    }

    bool full() const { return used_ == trades_.size(); }
    bool empty() const { return answers_.empty() && backlog_.empty() && used_ == 0 && lost_ == 0 && quoted_.empty(); }
    size_t trades() const { return used_; }
    uint64_t lost_total() const { return lost_total_; }
    /// Forgets everything but the count of lost trades.
    void clear() {
        answers_.clear();
        backlog_.clear();
        for (auto& entry : trades_) entry = {};
        quotes_.clear();
        quoted_.clear();
        first_ = used_ = 0;
        lost_ = 0;
    }

  private:
    struct Piece {
        FrameRef frame;
        std::string answer;
    };
    struct Entry {
        FrameRef frame;
        uint64_t lost_before = 0;
    };

    static Next take(std::deque<Piece>& pieces) {
        Next next{.frame = std::move(pieces.front().frame), .answer = std::move(pieces.front().answer)};
        pieces.pop_front();
        return next;
    }
    Next next_trade() {
        auto& entry = trades_[first_];
        if (entry.lost_before != 0) return {.lost = std::exchange(entry.lost_before, 0)};
        Next next{.frame = std::exchange(entry.frame, {})};
        first_ = (first_ + 1) % trades_.size();
        --used_;
        return next;
    }

    std::deque<Piece> answers_;
    std::deque<Piece> backlog_;
    std::vector<Entry> trades_;  ///< a ring
    size_t first_ = 0;
    size_t used_ = 0;
    uint64_t lost_ = 0;
    uint64_t lost_total_ = 0;
    std::vector<FrameRef> quotes_;  ///< by topic
    std::deque<uint32_t> quoted_;   ///< topics with a quote that waits, longest first
};

}  // namespace of::communication
