// What both ends of the supervisor's control socket must agree on; supervisor/control_server.hpp has the requests.
#pragma once

#include <string_view>

namespace of {

/// The first word of each packet, either way. Counts up when an old end would misunderstand a new one.
inline constexpr std::string_view control_protocol = "1";

}  // namespace of
