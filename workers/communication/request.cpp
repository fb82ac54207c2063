#include "workers/communication/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "workers/communication/settings.hpp"

namespace of::communication {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Percent decoding; nothing for a broken escape or an encoded NUL. '+' is a space in a query only.
std::optional<std::string> decode(std::string_view text, bool query) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && query) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
            if (low < 0 || (high == 0 && low == 0)) return {};
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return out;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

}  // namespace

tl::expected<Target, std::string> parse_target(std::string_view target) {
    const auto refuse = [](std::string sentence) { return tl::make_unexpected(std::move(sentence)); };
    if (target.size() > target_bytes_max)
        return refuse(fmt::format("the target has more than {} bytes", target_bytes_max));
    if (target.empty() || target[0] != '/') return refuse("the target must begin with '/'");
    const auto mark = target.find('?');
    auto path = decode(target.substr(0, mark), false);
    if (!path) return refuse("the path has a broken % escape");
    Target parsed{std::move(*path), {}};
    auto rest = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
    while (!rest.empty()) {
        const auto field = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(field.size() + 1, rest.size()));
        if (field.empty()) continue;
        const auto equals = std::min(field.find('='), field.size());
        auto name = decode(field.substr(0, equals), true);
        auto value = decode(field.substr(std::min(equals + 1, field.size())), true);
        if (!name || !value) return refuse("the query has a broken % escape");
        if (parsed.query.size() == query_fields_max)
            return refuse(fmt::format("the query has more than {} fields", query_fields_max));
        if (!parsed.query.emplace(std::move(*name), std::move(*value)).second)
            return refuse("a field of the query is given twice");
    }
    return parsed;
}

tl::expected<int64_t, std::string> query_number(const Target& target, std::string_view name, int64_t fallback,
                                                int64_t min, int64_t max) {
    const auto found = target.query.find(std::string(name));
    if (found == target.query.end()) return fallback;
    const auto& text = found->second;
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < min || number > max)
        return tl::make_unexpected(fmt::format("{} must be a whole number from {} to {}", name, min, max));
    return number;
}

std::string unknown_fields(const Target& target, std::span<const std::string_view> known) {
    for (const auto& [name, value] : target.query) {
        if (std::ranges::find(known, name) != known.end()) continue;
        if (known.empty()) return fmt::format("{} takes no query", target.path);
        return fmt::format("unknown field \"{}\": {} takes {}", name.substr(0, 32), target.path,
                           fmt::join(known, ", "));
    }
    return "";
}

bool parse_listen(std::string_view text, std::string& address, uint16_t& port) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return false;
    auto host = text.substr(0, colon);
    const auto digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size()) return false;
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host.empty() || (host.find(':') != std::string_view::npos) != bracketed) return false;
    address = host;
    return true;
}

HostTable::HostTable(std::string_view address, uint16_t port, std::span<const std::string> more) {
    const bool six = address.find(':') != std::string_view::npos;
    for (const std::string_view name : {"localhost", "127.0.0.1", "[::1]"}) add(name, port);
    if (address != "0.0.0.0" && address != "::") add(six ? fmt::format("[{}]", address) : std::string(address), port);
    for (const auto& host : more) {
        const auto colon = host.rfind(':');
        const bool has_port = colon != std::string::npos && host.find(']', colon) == std::string::npos;
        if (has_port) {
            hosts_.push_back(lower(host));
        } else {
            add(host, port);
            hosts_.push_back(lower(host));  // behind a proxy, on the scheme's own port
        }
    }
}

void HostTable::add(std::string_view host, uint16_t port) {
    hosts_.push_back(fmt::format("{}:{}", lower(host), port));
    if (port == 80) hosts_.push_back(lower(host));
}

bool HostTable::allows(std::string_view host) const { return std::ranges::find(hosts_, lower(host)) != hosts_.end(); }

bool HostTable::same_site(std::string_view origin, std::string_view host) const {
    if (origin.empty()) return true;
    const auto given = lower(origin);
    const auto asked = lower(host);
    return given == "http://" + asked || given == "https://" + asked;
}

}  // namespace of::communication
