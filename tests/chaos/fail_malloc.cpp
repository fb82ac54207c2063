// A preloaded library that lets one allocation of a process fail. Which one stands in the file $OF_FAIL_MALLOC when the
// process begins, as "PROGRAM N": the N-th allocation from then on of a process of that name (as of-storage) returns
// nothing. It is then told, once, in the same file with ".met" behind its name.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* memory, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
}

namespace {

std::atomic<long> left{0};  ///< allocations until the one that fails; 0: none does

/// Without an allocation: this runs where one fails.
void tell() {
    char path[512] = {};
    const char* plan = getenv("OF_FAIL_MALLOC");
    if (plan == nullptr || strlen(plan) + sizeof ".met" > sizeof path) return;
    strcpy(path, plan);
    strcat(path, ".met");
    const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0) close(file);
}

bool fails() {
    if (left.load(std::memory_order_relaxed) == 0 || left.fetch_sub(1, std::memory_order_relaxed) != 1) return false;
    tell();
    errno = ENOMEM;
    return true;
}

__attribute__((constructor)) void read_plan() {
    char text[128] = {};
    const char* path = getenv("OF_FAIL_MALLOC");
    const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    const auto size = read(file, text, sizeof text - 1);
    close(file);
    const size_t name = strlen(program_invocation_short_name);
    if (size > 0 && strncmp(text, program_invocation_short_name, name) == 0 && text[name] == ' ')
        left.store(atol(text + name), std::memory_order_relaxed);
}

}  // namespace

extern "C" {
void* malloc(size_t bytes) { return fails() ? nullptr : __libc_malloc(bytes); }
void* calloc(size_t count, size_t bytes) { return fails() ? nullptr : __libc_calloc(count, bytes); }
void* realloc(void* memory, size_t bytes) { return fails() ? nullptr : __libc_realloc(memory, bytes); }
void* memalign(size_t alignment, size_t bytes) { return fails() ? nullptr : __libc_memalign(alignment, bytes); }
void* aligned_alloc(size_t alignment, size_t bytes) { return fails() ? nullptr : __libc_memalign(alignment, bytes); }
int posix_memalign(void** memory, size_t alignment, size_t bytes) {
    if (fails()) return ENOMEM;
    *memory = __libc_memalign(alignment, bytes);
    return *memory == nullptr ? ENOMEM : 0;
}
}
