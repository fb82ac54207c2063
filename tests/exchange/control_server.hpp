// The control API: plain HTTP on its own loopback port, for tests and for people with curl (EXCHANGE.md).
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "tests/exchange/exchange.hpp"

namespace of::exchange {

/// Accepts for as long as the event loop runs. `exchange` and `acceptor` outlive the loop.
void serve_control(Exchange& exchange, boost::asio::ip::tcp::acceptor& acceptor);

}  // namespace of::exchange
