// The TLS port: REST and the upgrade to WebSocket, on one listener.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>

#include "tests/exchange/error.hpp"
#include "tests/exchange/exchange.hpp"

namespace of::exchange {

/// Opens a listener; the error says which address and why.
Result<boost::asio::ip::tcp::acceptor> listen_on(boost::asio::io_context& io, const Endpoint& endpoint);

/// Accepts for as long as the event loop runs. `exchange` and `acceptor` outlive the loop.
void serve_https(Exchange& exchange, boost::asio::ip::tcp::acceptor& acceptor);

}  // namespace of::exchange
