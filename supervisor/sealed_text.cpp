#include "supervisor/sealed_text.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace of::supervisor {

int sealed_text(const char* name, std::string_view text) {
    const int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return -1;
    const bool whole = write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (whole && fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return descriptor;
    close(descriptor);
    return -1;
}

}  // namespace of::supervisor
