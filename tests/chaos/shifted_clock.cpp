// For LD_PRELOAD: a wall clock that a test can set. CLOCK_REALTIME is shifted by the nanoseconds in the file that
// $OF_CLOCK_SHIFT names (8 bytes, an int64); monotonic clocks stay what they are, as on a machine whose clock is set.
//
// The file is mapped once, before main(), so that a process which may open no file any more still sees each change.
// Without the variable, or without the file, time is not shifted.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr int64_t ns_per_s = 1'000'000'000;

const std::atomic<int64_t>* map_shift() {
    const char* path = getenv("OF_CLOCK_SHIFT");
    const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return nullptr;
    void* memory = mmap(nullptr, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    return memory == MAP_FAILED ? nullptr : static_cast<const std::atomic<int64_t>*>(memory);
}

const std::atomic<int64_t>* shift = map_shift();
const auto true_clock = reinterpret_cast<int (*)(clockid_t, timespec*)>(dlsym(RTLD_NEXT, "clock_gettime"));

/// Wall clock as it is shown to this process.
timespec shown() {
    timespec now{};
    true_clock(CLOCK_REALTIME, &now);
    const int64_t ns = now.tv_sec * ns_per_s + now.tv_nsec +
                       (shift == nullptr ? 0 : shift->load(std::memory_order_relaxed));
    return {.tv_sec = ns / ns_per_s, .tv_nsec = ns % ns_per_s};
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) return true_clock(clock, time);
    *time = shown();
    return 0;
}

int gettimeofday(timeval* time, void*) noexcept {
    const auto now = shown();
    *time = {.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t* out) noexcept {
    const auto now = shown().tv_sec;
    if (out != nullptr) *out = now;
    return now;
}
}
