// Pure parts of an HTTP request: its target, its query, and whether a browser at another site is behind it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace of::communication {

inline constexpr size_t target_bytes_max = 2048;
inline constexpr size_t query_fields_max = 16;

struct Target {
    std::string path;                          ///< decoded, begins with '/'
    std::map<std::string, std::string> query;  ///< decoded
};

/// Origin form only ("/path?a=b"). The error is a sentence for the client.
tl::expected<Target, std::string> parse_target(std::string_view target);

/// A number of the query within its bounds, or `fallback` where it is absent; else a sentence.
tl::expected<int64_t, std::string> query_number(const Target& target, std::string_view name, int64_t fallback,
                                                int64_t min, int64_t max);

/// Fields of the query that the route does not know, as a sentence; "" when there are none.
std::string unknown_fields(const Target& target, std::span<const std::string_view> known);

/// Which Host a request may name, and so which site a page of ours may have. A name that an attacker's DNS points at
/// this address is not among them.
class HostTable {
  public:
    HostTable() = default;
    /// `address` numeric, as it is bound; an unspecified one (0.0.0.0, ::) stands for the loopback names alone.
    HostTable(std::string_view address, uint16_t port, std::span<const std::string> more);

    bool allows(std::string_view host) const;
    /// A browser's Origin must be the very Host that it asked for. An absent one (not a browser) is allowed.
    bool same_site(std::string_view origin, std::string_view host) const;

  private:
    void add(std::string_view host, uint16_t port);
    std::vector<std::string> hosts_;  ///< lower case
};

}  // namespace of::communication
