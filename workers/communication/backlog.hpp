// Stored trades for clients that ask for a backlog, joined to the live ones without hole or double (hold.hpp).
//
// One request to storage at a time, in the order of the clients' asking, so that a thousand of them cannot fill its
// reply queue. Before it is asked, storage must have committed what went by before the client's live trades were held;
// its cursor in the control page says so. If it does not get there in time, what is missing is told as a gap. When
// storage is down or silent, the client is told so and live trades go on at once.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>

#include "workers/communication/calls.hpp"
#include "workers/communication/fanout.hpp"
#include "workers/communication/status.hpp"

namespace of::communication {

class Backlog {
  public:
    Backlog(Runtime& runtime, Calls& calls, Fanout& fanout, const Status& status, FramePool& pool)
        : runtime_(runtime), calls_(calls), fanout_(fanout), status_(status), pool_(pool), timer_(runtime.io()) {}

    /// Holds this client's live trades of the topic, and sends up to `rows` stored ones first. False when its last
    /// request for this topic is not over yet.
    bool request(WsSession& session, Topic& topic, uint32_t rows, CorrelationId correlation);
    void stop() { timer_.cancel(); }

  private:
    struct Job {
        std::weak_ptr<WsSession> session;
        Topic* topic;
        uint64_t hold;  ///< its number: a client that unsubscribed meanwhile has it no more
        uint32_t rows;
        int64_t last_id;  ///< the newest trade that went by before the hold: the backlog ends there; 0 when that is not
                          ///< known
        int64_t deadline_ns;
        CorrelationId correlation;
        bool complete;  ///< storage had committed everything before the hold
    };
    struct Target {
        std::shared_ptr<WsSession> session;
        Hold* hold;
    };

    void next();
    void ask(const Job& job);
    void on_row(const Job& job, const ReplyTrade& row);
    void on_end(const Job& job, CallStatus status);
    void tell_gap(const Job& job, const Hold& hold, WsSession& session);
    Job take_first();
    void refuse(const Job& job, CallStatus status);
    void refuse_all(CallStatus status);
    void finish(const Job& job, WsSession& session, const std::string& last_word);
    /// Who the job is for, if it is still wanted.
    std::optional<Target> target(const Job& job) const;
    void wait();

    Runtime& runtime_;
    Calls& calls_;
    Fanout& fanout_;
    const Status& status_;
    FramePool& pool_;
    boost::asio::steady_timer timer_;
    std::deque<Job> jobs_;
    bool asking_ = false;
    bool waiting_ = false;
    uint64_t holds_ = 0;
    std::string text_;
};

}  // namespace of::communication
