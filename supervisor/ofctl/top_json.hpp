// What ofctl top saw, as one JSON object.
#pragma once

#include "supervisor/ofctl/top_view.hpp"

namespace of::ofctl {

std::string json_of(const TopView& view);

}  // namespace of::ofctl
