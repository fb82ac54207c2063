#include "shm/doorbell.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>

namespace of::shm {

bool register_membarrier() { return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0; }

void membarrier_global() { syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0); }

}  // namespace of::shm
