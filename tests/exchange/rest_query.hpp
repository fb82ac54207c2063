// The target of a request, taken apart: path and parameters, percent-decoded. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace of::exchange {

struct RestQuery {
    std::string path;
    std::vector<std::pair<std::string, std::string>> parameters;

    std::optional<std::string_view> find(std::string_view name) const;
};

/// "/api/v3/depth?symbol=BTCUSDT&limit=5". A percent sign that two hex digits do not follow stays as it is.
RestQuery parse_target(std::string_view target);

}  // namespace of::exchange
