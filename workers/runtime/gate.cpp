#include "workers/runtime/gate.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace of {

bool pass_gate(int gate) {
    uint64_t word = 0;
    ssize_t bytes = send(gate, "", 1, MSG_NOSIGNAL);
    do bytes = read(gate, &word, sizeof word);
    while (bytes < 0 && errno == EINTR);
    close(gate);
    return bytes == sizeof word;
}

}  // namespace of
