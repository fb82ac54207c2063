// The layouts that this program knows, as text: two programs that print the same can work on the same segments.
#pragma once

#include <string>

namespace of::supervisor {

/// One line "KIND HASH" for each kind of channel and page, and one for the catalogue of log sentences.
std::string layouts_text();

/// The first line that differs, as "KIND: HASH here, HASH there".
std::string first_difference(const std::string& here, const std::string& there);

}  // namespace of::supervisor
