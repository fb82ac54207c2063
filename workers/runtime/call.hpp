// Requests between workers. The caller's side keeps a table of open calls with deadlines; the server's side answers
// with rows and an end. Every open call ends exactly once: by its reply, its deadline, or the refusal of a full queue.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "proto/calls.hpp"
#include "workers/runtime/channels.hpp"

namespace of {

/// Calls open at one time for each Caller; more are `refused`.
inline constexpr size_t calls_open_max = 1024;

/// The caller's side of one pair of queues. Owned by the event loop.
class Caller {
  public:
    /// A row with flag_first replaces those before it: the server has died, and its successor answers anew.
    using OnRow = std::function<void(const Header& row)>;
    using OnEnd = std::function<void(CallStatus status, uint32_t rows)>;

    Caller(Sender<128> calls, Receiver<128> replies) : calls_(std::move(calls)), replies_(std::move(replies)) {}

    struct Request {
        MessageType type = MessageType::none;
        CorrelationId correlation;  ///< unique among open calls: it names the call
        std::string_view symbol = {};
        int64_t from_id = 0;
        uint32_t limit = 0;
        int64_t timeout_ms = 2000;
    };
    /// on_row for each row, then on_end once, with the number of rows of the answer that it ends. `refused` (too many
    /// open calls, or a full queue) is told before this returns.
    void call(const Request& request, OnRow on_row, OnEnd on_end);

    /// Handles replies, at most `limit` messages; returns how many.
    size_t poll(size_t limit);
    /// Ends the calls whose deadline has passed. Returns how many.
    size_t expire(int64_t now_ns);
    bool ready() const { return replies_.ready(); }
    size_t open() const { return open_.size(); }
    /// Replies whose call was over already.
    uint64_t late() const { return late_; }

  private:
    struct Open {
        int64_t deadline_ns;
        uint32_t rows;
        OnRow on_row;
        OnEnd on_end;
    };
    Sender<128> calls_;
    Receiver<128> replies_;
    std::unordered_map<uint64_t, Open> open_;
    uint64_t late_ = 0;
};

/// The reply to one call: any number of rows, then end(). Rows that find the queue full end the call as `overloaded`.
class Reply {
  public:
    Reply(Sender<128>& replies, const Call& call) : replies_(&replies), correlation_(call.header.correlation) {}

    /// Adds a row; `fill` gets it with its header in place. False when there was no room: stop.
    template <typename Row, typename Fill>
    bool row(MessageType type, Fill fill) {
        if (full_ || !replies_->claim()) {
            full_ = true;
            return false;
        }
        auto& message = replies_->message<Row>(type, correlation_);
        fill(message);
        if (rows_ == 0) message.header.flags |= flag_first;
        replies_->commit();
        ++rows_;
        return true;
    }
    void end(CallStatus status);

  private:
    Sender<128>* replies_;
    CorrelationId correlation_;
    uint32_t rows_ = 0;
    bool full_ = false;
};

/// The server's side of one pair of queues.
class CallServer {
  public:
    /// Serves one call; must end the reply.
    using Handler = std::function<void(const Call& call, Reply& reply)>;

    CallServer(Receiver<128> calls, Sender<128> replies, Handler handler)
        : calls_(std::move(calls)), replies_(std::move(replies)), handler_(std::move(handler)) {}

    /// Serves at most `limit` calls; those past their deadline are dropped and counted.
    size_t poll(size_t limit);
    bool ready() const { return calls_.ready(); }
    uint64_t expired() const { return expired_; }

  private:
    Receiver<128> calls_;
    Sender<128> replies_;
    Handler handler_;
    uint64_t expired_ = 0;
};

}  // namespace of
