// The listening socket and its HTTP connections: takes them in up to a bound, answers requests, and hands WebSocket
// clients on.
//
// A connection that is slow to ask (5 s for its first request, 30 s for the next) is closed; beyond the bound one is
// told 503 and closed. Owned by the event loop.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <set>

#include "workers/communication/clients.hpp"
#include "workers/communication/http_api.hpp"

namespace of::communication {

class HttpSession;

class Server {
  public:
    Server(Runtime& runtime, const CommunicationSettings& settings, HttpApi& api, Clients& clients);
    ~Server();

    /// Binds and listens. The error says which address, and why.
    Expected<void> open();
    /// Takes in nothing new; connections end with the answer that they wait for.
    void drain();
    bool drained() const { return sessions_.empty(); }
    uint16_t port() const { return port_; }

    // For HttpSession.
    const HostTable& hosts() const { return hosts_; }
    HttpApi& api() { return api_; }
    Clients& clients() { return clients_; }
    Runtime& runtime() { return runtime_; }
    bool draining() const { return draining_; }
    /// Counts an answer, and logs the refusals that an operator should see.
    void answered(unsigned status, std::string_view target, std::string_view problem, CorrelationId correlation);
    void remove(HttpSession& session) { sessions_.erase(&session); }

  private:
    void accept();
    void on_accept(const boost::system::error_code& error, boost::asio::ip::tcp::socket socket);

    Runtime& runtime_;
    const CommunicationSettings& settings_;
    HttpApi& api_;
    Clients& clients_;
    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer pause_;
    HostTable hosts_;
    uint16_t port_ = 0;
    std::set<HttpSession*> sessions_;
    Counter requests_;
    Counter errors_;
    Counter turned_away_;
    bool draining_ = false;
};

}  // namespace of::communication
