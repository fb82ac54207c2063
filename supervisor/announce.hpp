// Lines for whoever started this program, on stderr. Supervision neither waits for a reader of them (a terminal held
// with Ctrl-S, a pipe that nobody reads) nor ends for want of room (a file on a full disk): what cannot be written now
// is left out. What matters of it stands in the log too.
#pragma once

#include <fmt/format.h>

namespace of::supervisor {

void put_on_stderr(std::string_view text);

/// The line's end is added.
template <typename... T>
void announce(fmt::format_string<T...> sentence, T&&... values) {
    put_on_stderr(fmt::format("ofsupervisor: {}\n", fmt::format(sentence, std::forward<T>(values)...)));
}

}  // namespace of::supervisor
