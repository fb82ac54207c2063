// Text in memory that passes from one process to another and that none of them can change, whoever has the descriptor.
#pragma once

#include <string_view>

namespace of::supervisor {

/// A memfd, closed at an execve; -1 when there is none to be had.
int sealed_text(const char* name, std::string_view text);

}  // namespace of::supervisor
