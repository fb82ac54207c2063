// A preloaded library that lets one allocation of a process fail. Which one stands in the file $OF_FAIL_MALLOC when
// the process begins, as "PROGRAM N": the N-th allocation from then on of a process of that name (as of-storage)
// returns nothing. It is then told, once, in the same file with ".met" behind its name. With "PROGRAM 0" the number is
// in the first 8 bytes of the same file with ".left" behind its name, whenever somebody writes one there.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
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

std::atomic<long> own{0};
/// Allocations until the one that fails; 0: none does.
std::atomic<long>* left = &own;

/// Of the file beside the plan; without an allocation, since this runs where one fails. -1 when it cannot be opened.
int open_beside(const char* suffix, int flags) {
    char path[512] = {};
    const char* plan = getenv("OF_FAIL_MALLOC");
    if (plan == nullptr || strlen(plan) + strlen(suffix) >= sizeof path) return -1;
    strcpy(path, plan);
    strcat(path, suffix);
    return open(path, flags | O_CLOEXEC, 0600);
}

void tell() {
    const int file = open_beside(".met", O_WRONLY | O_CREAT);
    if (file >= 0) close(file);
}

bool fails() {
    if (left->load(std::memory_order_relaxed) <= 0 || left->fetch_sub(1, std::memory_order_relaxed) != 1) return false;
    tell();
    errno = ENOMEM;
    return true;
}

void count_in_file() {
    const int file = open_beside(".left", O_RDWR);
    if (file < 0) return;
    void* memory = mmap(nullptr, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory != MAP_FAILED) left = static_cast<std::atomic<long>*>(memory);
}

__attribute__((constructor)) void read_plan() {
    char text[128] = {};
    const char* path = getenv("OF_FAIL_MALLOC");
    const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    const auto size = read(file, text, sizeof text - 1);
    close(file);
    const size_t name = strlen(program_invocation_short_name);
    if (size <= 0 || strncmp(text, program_invocation_short_name, name) != 0 || text[name] != ' ') return;
    own.store(atol(text + name), std::memory_order_relaxed);
    if (own.load(std::memory_order_relaxed) == 0) count_in_file();
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
