// The hub: takes each frame from the market, lets the faults at it, and hands it to the clients that
// subscribed to it.
//
// Owned by the Exchange; one thread. It knows its clients by this interface and owns a share of each until it
// says that it is gone. A frame is held back only by a stall or reorder fault; all that is held counts as not
// flushed, and when held_frames_max are held, further ones are lost and counted.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/exchange/fault.hpp"
#include "tests/exchange/frame.hpp"

namespace of::exchange {

/// A WebSocket connection, as the hub sees it.
class Client {
  public:
    Client() = default;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    virtual ~Client() = default;

    virtual bool wants(StreamId stream) const = 0;
    virtual bool wants_any() const = 0;
    /// Queues; flush() begins to write. A client whose queue is full is cut instead.
    virtual void deliver(const FramePtr& frame) = 0;
    virtual void deliver_event(std::string_view name, std::string_view data) = 0;
    virtual void flush() = 0;
    virtual size_t queued_bytes() const = 0;
    virtual bool idle() const = 0;
    virtual void close(uint16_t code, std::string_view reason) = 0;
    virtual void cut(std::string_view reason) = 0;
    virtual void pause_reading(int64_t ms) = 0;
};

class Hub {
  public:
    Hub(boost::asio::io_context& io, const StreamTable& streams, FaultPlan& plan, bool verbose);

    void add(std::shared_ptr<Client> client);
    void remove(const Client* client, std::string_view reason);
    void subscriptions_changed();

    void publish(const FramePtr& frame);
    void flush();
    void settle();  // the market has ended: nothing follows that a reordered frame could wait for

    /// Faults may have been added: watch for those that need no frame.
    void arm();

    bool idle() const;      // nothing is queued, being written or held
    bool has_room() const;  // there is a subscriber, and none of them is far behind
    size_t client_count() const { return clients_.size(); }

    void note_sent(Frame& frame);
    void note_overrun() { ++overruns_; }
    const std::vector<uint64_t>& played() const { return played_; }
    const std::vector<uint64_t>& sent() const { return sent_; }
    uint64_t accepted() const { return accepted_; }
    uint64_t overruns() const { return overruns_; }  // clients cut because they did not read
    uint64_t held_lost() const { return held_lost_; }
    uint64_t played_total() const { return played_total_; }
    const std::map<std::string, uint64_t, std::less<>>& disconnects() const { return disconnects_; }

    std::function<void()> on_subscribed;  // somebody has subscribed to something
    std::function<void()> on_progress;    // a client has read

    /// One line on stderr, with --verbose.
    void say(std::string_view line) const;

  private:
    struct Stall {
        std::string stream;
        int64_t until_ms = 0;
        std::deque<FramePtr> held;
    };

    void route(const FramePtr& frame);
    void send(const FramePtr& frame);
    void send_malformed(const Frame& like);
    void run_events();
    void strike(const FaultEvent& event);
    void shut_down_clients(int64_t ms);
    void release_stalls();
    void watch();
    template <class Action>
    void each_client(Action&& action);
    size_t held() const;

    static constexpr size_t held_frames_max = 200'000;
    static constexpr size_t room_bytes = 1 << 20;

    boost::asio::io_context& io_;
    const StreamTable& streams_;
    FaultPlan& plan_;
    bool verbose_;
    bool watching_ = false;
    boost::asio::steady_timer watch_timer_;
    std::vector<std::shared_ptr<Client>> clients_;
    std::vector<Stall> stalls_;
    std::map<StreamId, FramePtr> reordered_;
    std::vector<uint64_t> played_, sent_;
    std::map<std::string, uint64_t, std::less<>> disconnects_;
    uint64_t accepted_ = 0, overruns_ = 0, held_lost_ = 0, played_total_ = 0, malformed_ = 0;
};

}  // namespace of::exchange
