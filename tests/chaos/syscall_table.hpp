// Names of system calls and errors, as orders to of-strike use them (x86-64).
#pragma once

#include <string_view>

namespace of::chaos {

/// The number of a call named as in its man page; -1 for a name that is not in the table.
long number_of_call(std::string_view name);
/// The name, or "?" for a call that is not in the table.
std::string_view name_of_call(long number);
/// EIO and its like as a number; 0 for a name that is not in the table.
int number_of_error(std::string_view name);

}  // namespace of::chaos
