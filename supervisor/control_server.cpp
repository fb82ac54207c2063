#include "supervisor/control_server.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "proto/control_socket.hpp"
#include "proto/types.hpp"

namespace of::supervisor {
namespace {

namespace asio = boost::asio;

constexpr size_t clients_max = 32;
constexpr size_t request_bytes_max = 1024;
constexpr auto pause_after_failure = std::chrono::milliseconds(100);

Peer peer_of(int descriptor) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {UINT32_MAX, 0, {}};
    std::string program;
    std::getline(std::ifstream(fmt::format("/proc/{}/comm", credentials.pid)), program);
    return {credentials.uid, static_cast<uint32_t>(credentials.pid), program};
}

std::string denied(const Peer& peer) {
    return refusal(ExitCode::denied, fmt::format("uid {} may not command a supervisor of uid {}", peer.uid, geteuid()));
}

std::string other_protocol(const std::string& word) {
    return refusal(
        ExitCode::mismatch,
        fmt::format("this supervisor speaks version {} of its control socket, and was asked in \"{}\": use the "
                    "ofctl that was installed with it",
                    control_protocol, word));
}

}  // namespace

std::string refusal(ExitCode exit_code, const std::string& why) {
    return fmt::format("error {} {}", code(exit_code), why);
}

ControlServer::~ControlServer() { close(); }

Expected<void> ControlServer::listen(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "the path of the control socket is longer than {} bytes: {}; choose a shorter [instance] state_dir",
                sizeof address.sun_path - 1, path));
    std::memcpy(address.sun_path, path.data(), path.size());
    // The lock of the state directory is ours, so a socket that is there belongs to nobody alive.
    unlink(path.c_str());
    const int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool bound = descriptor >= 0 && fchmod(descriptor, 0600) == 0 &&
                       bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                       chmod(path.c_str(), 0600) == 0 && ::listen(descriptor, clients_max) == 0;
    if (!bound) {
        const auto reason = std::strerror(errno);
        if (descriptor >= 0) ::close(descriptor);
        return fail(ErrorKind::failed, fmt::format("control socket {}: {}", path, reason));
    }
    adopt(descriptor, path);
    return {};
}

void ControlServer::adopt(int descriptor, const std::string& path) {
    path_ = path;
    acceptor_.assign(Protocol(AF_UNIX, 0), descriptor);
    accept();
}

void ControlServer::close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    if (!path_.empty()) unlink(path_.c_str());
    path_.clear();
}

void ControlServer::accept() {
    auto client = std::make_shared<Protocol::socket>(acceptor_.get_executor());
    acceptor_.async_accept(*client, [this, client](const boost::system::error_code& error) {
        if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
        if (error) return accept_later();
        if (clients_ < clients_max) serve(client);
        accept();
    });
}

/// No descriptor is left, most of all: the next try would fail as fast as it is made.
void ControlServer::accept_later() {
    pause_.expires_after(pause_after_failure);
    pause_.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled && acceptor_.is_open()) accept();
    });
}

void ControlServer::serve(std::shared_ptr<Protocol::socket> client) {
    struct Exchange {
        std::array<char, request_bytes_max> request{};
        std::string answer;
        asio::socket_base::message_flags flags = 0;
    };
    auto exchange = std::make_shared<Exchange>();
    ++clients_;
    const auto reply = [client, exchange](const std::string& answer) {
        exchange->answer = fmt::format("{} {}", control_protocol, answer);
        client->async_send(asio::buffer(exchange->answer), 0,
                           [client, exchange](const boost::system::error_code&, size_t) {});
    };
    client->async_receive(asio::buffer(exchange->request), exchange->flags,
                          [this, client, exchange, reply](const boost::system::error_code& error, size_t bytes) {
                              --clients_;
                              if (error) return;
                              const auto peer = peer_of(client->native_handle());
                              if (peer.uid != geteuid() && peer.uid != 0) {
                                  refused_(peer);
                                  return reply(denied(peer));
                              }
                              const std::string request(exchange->request.data(), bytes);
                              const auto word = request.substr(0, request.find(' '));
                              if (word != control_protocol) return reply(other_protocol(word));
                              handler_(peer, request.substr(std::min(bytes, word.size() + 1)), reply);
                          });
}

}  // namespace of::supervisor
