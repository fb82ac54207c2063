// The control socket: <state_dir>/control.sock, one packet of text for a request and one for its answer. Each begins with
// the version of this protocol and a space (proto/control_socket.hpp); a request of another version, or of none, is refused
// with 9 and a sentence. Behind that word:
//
//   ping                            ok pong VERSION
//   start|stop|restart|pause|resume WORKER [reason]   ok CORRELATION ...ing WORKER
//   kill WORKER SIGNAL [reason]     ok CORRELATION sent SIGNAL to WORKER
//   breaker WORKER BREAKER trip|reset|open|close NS [reason]   ok CORRELATION told WORKER
//   shutdown [reason]               ok CORRELATION stopping
//   reload                          ok CORRELATION generation N: storage restarted, ...   (when it is done)
//   upgrade [PROGRAM]               ok CORRELATION executing PROGRAM   (checked; then the program changes)
//   check-upgrade [PROGRAM]         ok CORRELATION PROGRAM knows the same layouts, ...   (checked; nothing changes)
//
// A refusal is `error EXITCODE sentence` (exit codes of proto/types.hpp). Only the user who runs the supervisor, and
// root, may ask. At most clients_max connections are open; each ends after its first answer.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/seq_packet_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "proto/types.hpp"
#include "shm/error.hpp"

namespace of::supervisor {

/// Who asks, as the kernel says.
struct Peer {
    uint32_t uid = 0;
    uint32_t pid = 0;
    std::string program;  ///< the name of the process, "" when it is gone already
};

/// The answer to a request that is not done.
std::string refusal(ExitCode exit_code, const std::string& why);

class ControlServer {
  public:
    /// Sends the answer, now or later; once.
    using Reply = std::function<void(const std::string& answer)>;
    using Handler = std::function<void(const Peer& peer, const std::string& request, Reply reply)>;
    /// Told of those who may not ask.
    using Refused = std::function<void(const Peer& peer)>;

    ControlServer(boost::asio::io_context& io, Handler handler, Refused refused)
        : acceptor_(io), pause_(io), handler_(std::move(handler)), refused_(std::move(refused)) {}
    ~ControlServer();
    Expected<void> listen(const std::string& path);
    /// Goes on with a socket that listens already at `path`.
    void adopt(int descriptor, const std::string& path);
    int descriptor() { return acceptor_.native_handle(); }
    void close();

  private:
    using Protocol = boost::asio::generic::seq_packet_protocol;
    void accept();
    void accept_later();
    void serve(std::shared_ptr<Protocol::socket> client);

    boost::asio::basic_socket_acceptor<Protocol> acceptor_;
    boost::asio::steady_timer pause_;
    Handler handler_;
    Refused refused_;
    std::string path_;
    size_t clients_ = 0;
};

}  // namespace of::supervisor
