// The one TLS context of the feed: TLS 1.2 or newer, and the peer's certificate and host name are always
// verified.
//
// There is no switch to turn that off. A configured CA file replaces the system's store, so a stand-in's
// certificate is accepted only where its CA is named.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

#include "workers/binance/url.hpp"

namespace of::binance {

/// What the first TLS context of a process takes longest for, and each later one finds done.
void warm_up_tls();

/// The error is a sentence that names the file. `ca_file` "" is the system's store.
Expected<std::unique_ptr<boost::asio::ssl::context>> make_tls(const std::string& ca_file);

/// Makes one connection verify the host of `url` and, unless that is an address, say it to the server (SNI).
/// Before the handshake.
boost::system::error_code expect_host(SSL* connection, const Url& url);

/// Why a handshake failed, with the verdict on the certificate where that was the reason.
std::string tls_sentence(SSL* connection, const boost::system::error_code& error);

}  // namespace of::binance
