// From the market rings to the sessions: reads a bounded batch, renders each trade once and gives it to all who asked
// for its symbol.
//
// Quotes of one batch are conflated before they are rendered: only the newest of each symbol is. What nobody asked for
// is not rendered. When the ring laps this reader, the clients are told how many trades are missing as soon as the next
// trade's id shows it.
#pragma once

#include <functional>
#include <memory>

#include "proto/market.hpp"
#include "shm/book_page.hpp"
#include "workers/communication/ws_session.hpp"

namespace of::communication {

/// One symbol of one feed worker, and who listens to it.
struct Topic {
    uint32_t index;
    ProcessId feed;
    size_t ring;      ///< number of the feed's market ring here
    uint16_t symbol;  ///< in the feed's directory
    std::string name;
    std::vector<WsSession*> trades;
    std::vector<WsSession*> quotes;
    int64_t last_trade_id = 0;  ///< the highest that came by; 0 before the first
    bool lapped = false;        ///< messages were lost since the last trade
    bool quote_waits = false;
    uint64_t quote_position = 0;
    BestQuote newest{};
};

class Fanout {
  public:
    Fanout(Runtime& runtime, FramePool& pool) : runtime_(runtime), pool_(pool) {}
    /// The rings and symbol directories of all feed workers.
    Expected<void> open();

    /// Hands on what the rings hold, a bounded batch; returns how many messages.
    size_t poll();
    bool pending() const;
    /// Called for each new topic, before its first message is handed on.
    void on_topic(std::function<void(Topic&)> welcome) { welcome_ = std::move(welcome); }
    /// Takes in symbols that a feed has named since.
    void discover();

    const std::vector<std::unique_ptr<Topic>>& topics() const { return topics_; }
    /// The symbol's topic, or nullptr.
    Topic* find(std::string_view symbol);
    std::vector<std::string> symbols() const;
    /// The quote that the book page shows, rendered; empty before the first.
    FrameRef current_quote(const Topic& topic);

    uint64_t position(const Topic& topic) const { return feeds_[topic.ring].subscriber.position(); }
    const shm::Segment& ring(const Topic& topic) const { return feeds_[topic.ring].subscriber.segment(); }

    /// Takes a session out of every list. It is not one of those being flushed: sessions end from the event loop.
    void remove(WsSession& session);

  private:
    struct Feed {
        ProcessId process;
        Subscriber<128> subscriber;
        shm::Segment book_segment;
        std::vector<Topic*> by_symbol;
        const shm::BookPage& book() const { return book_segment.page<shm::BookPage>(); }
    };

    size_t read(size_t ring, size_t limit);
    void handle(size_t ring);
    void lapped(size_t ring, uint64_t lost);
    Topic* topic(size_t ring, uint16_t symbol);
    void deliver_trade(Topic& topic, const Trade& trade, uint64_t position);
    void deliver_quotes();
    void touch(WsSession& session);

    Runtime& runtime_;
    FramePool& pool_;
    std::vector<Feed> feeds_;
    std::vector<std::unique_ptr<Topic>> topics_;
    std::function<void(Topic&)> welcome_;
    std::vector<Topic*> quoted_;       ///< with a quote that waits
    std::vector<WsSession*> touched_;  ///< to be flushed at the end of the batch
    std::string text_;                 ///< reused for each message
};

}  // namespace of::communication
