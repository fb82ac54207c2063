// Names of system calls, as the build's <sys/syscall.h> has them.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace of::autopsy {

/// By number; the source is made by system_calls.py.
const std::map<int, std::string_view>& system_calls();
/// "openat", or the number where it has no name.
std::string system_call_name(int number);

}  // namespace of::autopsy
