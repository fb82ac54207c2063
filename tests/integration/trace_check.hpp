// Whether `ofctl trace` finds every hop of a stored trade.
#pragma once

#include <string>

namespace of::integration {

/// "" when ofctl prints the hops received, decoded, published, stored and delivered of this correlation ID; else what
/// is wrong.
std::string check_trace(const std::string& instance, const std::string& correlation);

}  // namespace of::integration
