// Names of system calls, as the build's <sys/syscall.h> has them.
#pragma once

#include <string>

namespace of::autopsy {

/// "openat", or the number where it has no name.
std::string system_call_name(int number);

}  // namespace of::autopsy
