// The WebSocket clients: takes them in up to `clients_max`, does what they ask for, and lets them go.
#pragma once

#include <map>

#include "workers/communication/backlog.hpp"
#include "workers/communication/client_ops.hpp"
#include "workers/communication/fanout.hpp"

namespace of::communication {

class Clients : public SessionOwner {
  public:
    Clients(Runtime& runtime, const CommunicationSettings& settings, Fanout& fanout, Backlog& backlog, FramePool& pool);
    ~Clients() override;

    /// False, and counted, when there are clients_max already, or when this worker drains.
    bool room();
    void adopt(boost::asio::ip::tcp::socket socket, const std::string& early);
    void tick(int64_t now_ns);
    /// Asks all to go elsewhere (close code 1001) and takes none in.
    void drain();
    size_t count() const { return sessions_.size(); }

    void on_text(WsSession& session, std::string_view text) override;
    void on_closed(WsSession& session, const std::string& why) override;

  private:
    struct Client {
        std::shared_ptr<WsSession> session;
        bool all_trades = false;  ///< also of symbols that are yet to come
        bool all_quotes = false;
        std::vector<std::string> trades;  ///< asked for by name, and not yet named by a feed
        std::vector<std::string> quotes;
    };

    void subscribe(Client& client, const ClientOp& op);
    void unsubscribe(Client& client, const ClientOp& op);
    void add(Client& client, Topic& topic, bool trades, bool quotes);
    bool start_backlog(Client& client, Topic& topic, uint32_t rows);
    void confirm(WsSession& session, const ClientOp& op, std::string_view word, std::span<const std::string> unknown);
    void welcome(Topic& topic);
    std::vector<Topic*> topics_of(const ClientOp& op, std::vector<std::string>& unknown);

    Runtime& runtime_;
    const CommunicationSettings& settings_;
    Fanout& fanout_;
    Backlog& backlog_;
    FramePool& pool_;
    Delivery delivery_;
    Gauge gauge_;
    Counter refused_;
    std::map<uint64_t, Client> sessions_;  ///< by number
    uint64_t numbers_ = 0;
    bool draining_ = false;
};

}  // namespace of::communication
