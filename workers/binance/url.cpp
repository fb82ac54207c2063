#include "workers/binance/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace of::binance {
namespace {

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~").find(c) != std::string_view::npos;
}

bool is_port(std::string_view text) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

tl::unexpected<Error> bad_url(std::string_view text, std::string_view what) {
    return fail(ErrorKind::invalid, "\"" + std::string(text) + "\" " + std::string(what));
}

/// "host", "host:port", "[::1]:port" into `url`; false when it is none of them.
bool split_authority(std::string_view authority, Url& url) {
    const bool bracketed = authority.starts_with('[');
    const auto host_end = bracketed ? authority.find(']') : authority.find(':');
    if (bracketed && host_end == std::string_view::npos) return false;
    url.host = bracketed ? authority.substr(1, host_end - 1) : authority.substr(0, host_end);
    const auto rest = host_end == std::string_view::npos ? "" : authority.substr(host_end + (bracketed ? 1 : 0));
    url.port = rest.empty() ? "443" : std::string(rest.substr(1));
    const bool plain = std::ranges::all_of(url.host, [](char c) { return is_unreserved(c) || c == ':'; });
    return !url.host.empty() && plain && (rest.empty() || rest.front() == ':') && is_port(url.port);
}

}  // namespace

std::string Url::authority() const {
    const auto name = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return port == "443" ? name : name + ":" + port;
}

bool Url::is_address() const {
    unsigned char bytes[16];
    return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

std::string venue_of(const Url& url) {
    const bool binance = url.host.ends_with(".binance.com") || url.host.ends_with(".binance.vision");
    return binance ? "binance" : url.host + ":" + url.port;
}

Expected<Url> parse_url(std::string_view text, std::string_view scheme) {
    const auto colon = text.find("://");
    if (colon == std::string_view::npos || text.substr(0, colon) != scheme)
        return bad_url(text, "must begin with " + std::string(scheme) + "://");
    const auto rest = text.substr(colon + 3);
    const auto slash = std::min(rest.find('/'), rest.size());
    Url url;
    url.scheme = scheme;
    if (!split_authority(rest.substr(0, slash), url)) return bad_url(text, "has no valid HOST or HOST:PORT");
    url.path = rest.substr(slash);
    while (url.path.ends_with('/')) url.path.pop_back();
    const auto odd = [](unsigned char c) { return c <= ' ' || c >= 0x7f || c == '?' || c == '#'; };
    if (std::ranges::any_of(url.path, odd)) return bad_url(text, "must end with a plain path: no query, no spaces");
    return url;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        if (is_unreserved(c)) {
            encoded += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            encoded += {'%', hex[byte >> 4], hex[byte & 15]};
        }
    }
    return encoded;
}

std::string streams_target(const Url& base, std::span<const std::string> symbols) {
    auto target = base.path + "/stream?streams=";
    bool first = true;
    for (auto symbol : symbols) {
        for (auto& c : symbol) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        for (const auto kind : stream_kinds) {
            if (!first) target += '/';
            first = false;
            target += percent_encode(symbol) + "@" + std::string(kind);
        }
    }
    return target;
}

}  // namespace of::binance
