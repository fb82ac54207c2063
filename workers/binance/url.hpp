// URLs of the exchange: taken apart once while starting, and the path that asks for all streams of all
// symbols.
//
// Only TLS schemes are understood (wss, https): upstream traffic is never in the clear. Pure; part of the
// feed worker.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shm/error.hpp"

namespace of::binance {

struct Url {
    std::string scheme;
    std::string host;  ///< without brackets, for an IPv6 address
    std::string port;  ///< 443 where the text has none
    std::string path;  ///< "" or "/..." without a slash at the end

    /// As the Host header says it: the port only when it is not the scheme's own.
    std::string authority() const;
    /// For log records: without the path, which can hold hundreds of streams.
    std::string origin() const { return scheme + "://" + authority(); }
    bool is_address() const;  ///< an IP address: no server name is sent for it (RFC 6066, section 3)
};

/// `scheme` is the one that is expected, "wss" or "https". The error is a sentence that names the text.
Expected<Url> parse_url(std::string_view text, std::string_view scheme);

/// Whose request limits count for this host: "binance" for all of the exchange's own, else the host and its port.
std::string venue_of(const Url& url);

/// Streams that one connection may carry, as the exchange documents it, and those that this feed takes of each
/// symbol.
inline constexpr size_t streams_max = 1024;
inline constexpr std::string_view stream_kinds[] = {"trade", "aggTrade", "bookTicker", "depth@100ms"};
inline constexpr size_t symbols_per_line_max = streams_max / std::size(stream_kinds);

/// "/stream?streams=btcusdt@trade/btcusdt@aggTrade/...": lower case, non-ASCII percent-encoded.
std::string streams_target(const Url& base, std::span<const std::string> symbols);

/// Percent-encodes all but unreserved characters (RFC 3986, section 2.3).
std::string percent_encode(std::string_view text);

}  // namespace of::binance
