#include "supervisor/announce.hpp"

#include <poll.h>
#include <unistd.h>

namespace of::supervisor {

void put_on_stderr(std::string_view text) {
    pollfd room{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    if (poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return;
    [[maybe_unused]] const auto bytes = write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace of::supervisor
