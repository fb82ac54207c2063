#include "workers/communication/server.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include "workers/communication/http_session.hpp"

namespace of::communication {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t http_connections_extra = 256;
constexpr rlim_t other_descriptors = 128;  ///< segments are mapped and closed; doorbells, timers, the listener
constexpr auto pause_after_failure = std::chrono::milliseconds(100);

/// Each client is a descriptor, and so is each connection that asks to be one.
Expected<void> make_room_for_descriptors(size_t clients_max) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t wanted = 2 * clients_max + http_connections_extra + other_descriptors;
    if (limit.rlim_cur >= wanted) return {};
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    if (limit.rlim_cur < wanted || setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return fail(ErrorKind::no_space, fmt::format("clients_max = {} needs {} file descriptors, and the limit is {}: "
                                                     "raise LimitNOFILE (ulimit -n) or lower clients_max",
                                                     clients_max, wanted, limit.rlim_max));
    }
    return {};
}

}  // namespace

Server::Server(Runtime& runtime, const CommunicationSettings& settings, HttpApi& api, Clients& clients)
    : runtime_(runtime),
      settings_(settings),
      api_(api),
      clients_(clients),
      acceptor_(runtime.io()),
      pause_(runtime.io()),
      requests_(runtime.metrics().counter("http_requests_total", "HTTP requests answered")),
      errors_(runtime.metrics().counter("http_errors_total", "HTTP requests answered with a status of 400 or above")),
      turned_away_(
          runtime.metrics().counter("connections_refused_total", "Connections told 503 because there were too many")) {}

/// The event loop may still hold handlers of these sessions; they find them ended.
Server::~Server() {
    for (auto* session : std::exchange(sessions_, {})) session->abandon();
}

Expected<void> Server::open() {
    if (auto room = make_room_for_descriptors(settings_.clients_max); !room) return room;
    error_code error;
    const auto address = asio::ip::make_address(settings_.address, error);
    const auto shown = fmt::format("{}:{}", settings_.address, settings_.port);
    if (error) return fail(ErrorKind::invalid, fmt::format("listen: {} is not a numeric address", settings_.address));
    const tcp::endpoint endpoint(address, settings_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error)
        return fail(ErrorKind::busy,
                    fmt::format("[communication] listen: cannot listen on {}: {}", shown, error.message()));
    port_ = acceptor_.local_endpoint().port();
    hosts_ = HostTable(settings_.address, port_, settings_.hosts);
    const bool six = settings_.address.find(':') != std::string::npos;
    runtime_.log().write(log_event::http_listening, runtime_.next_correlation(),
                         fmt::format("{0}{1}{2}:{3}", six ? "[" : "", settings_.address, six ? "]" : "", port_));
    accept();
    return {};
}

void Server::accept() {
    acceptor_.async_accept(
        [this](const error_code& error, tcp::socket socket) { on_accept(error, std::move(socket)); });
}

void Server::on_accept(const error_code& error, tcp::socket socket) {
    if (draining_ || error == asio::error::operation_aborted) return;
    if (error) {  // no descriptor left, most of all: others have to end first
        pause_.expires_after(pause_after_failure);
        pause_.async_wait([this](const error_code& cancelled) {
            if (!cancelled) accept();
        });
        return;
    }
    const bool room = sessions_.size() < settings_.clients_max + http_connections_extra;
    if (!room) turned_away_.add();
    const auto session = std::make_shared<HttpSession>(std::move(socket), *this);
    sessions_.insert(session.get());
    room ? session->start() : session->turn_away();
    accept();
}

void Server::answered(unsigned status, std::string_view target, std::string_view problem, CorrelationId correlation) {
    requests_.add();
    if (status < 400) return;
    errors_.add();
    if (status == 403 || status >= 500) runtime_.log().write(log_event::request_refused, correlation, target, problem);
}

void Server::drain() {
    draining_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (auto* session : std::set(sessions_)) session->drain();
}

}  // namespace of::communication
