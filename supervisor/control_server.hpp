// The control socket: <state_dir>/control.sock, one packet of text for a request and one for its answer.
//
//   ping                     ok pong
//   restart WORKER [reason]  ok CORRELATION restarting WORKER
//   stop [reason]            ok CORRELATION stopping
//   breaker WORKER BREAKER trip|reset|open|close NS [reason]   ok CORRELATION told WORKER
//
// A refusal is `error EXITCODE sentence` (exit codes of proto/types.hpp). Only the user who runs the supervisor, and
// root, may ask. At most clients_max connections are open; each ends after its first answer.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/seq_packet_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "shm/error.hpp"

namespace of::supervisor {

/// Who asks, as the kernel says.
struct Peer {
    uint32_t uid = 0;
    uint32_t pid = 0;
};

class ControlServer {
  public:
    using Handler = std::function<std::string(const Peer& peer, const std::string& request)>;

    ControlServer(boost::asio::io_context& io, Handler handler) : acceptor_(io), handler_(std::move(handler)) {}
    ~ControlServer();
    Expected<void> listen(const std::string& path);
    void close();

  private:
    using Protocol = boost::asio::generic::seq_packet_protocol;
    void accept();
    void serve(std::shared_ptr<Protocol::socket> client);

    boost::asio::basic_socket_acceptor<Protocol> acceptor_;
    Handler handler_;
    std::string path_;
    size_t clients_ = 0;
};

}  // namespace of::supervisor
