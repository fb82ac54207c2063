#include "workers/runtime/black_box.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <utility>

#include "shm/black_box.hpp"

namespace of {
namespace {

using shm::BlackBox;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitizer_has_handlers = true;
#else
constexpr bool sanitizer_has_handlers = false;
#endif
constexpr std::array crash_signals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
constexpr size_t page_bytes = 4096;
/// Below the stack pointer a leaf function may keep what it likes (System V ABI, x86-64, 3.2.2).
constexpr uint64_t red_zone_bytes = 128;

int box = -1;
int maps = -1;
int limits = -1;
alignas(16) std::array<char, 64 << 10> handler_stack;
std::atomic<bool> crashing{false};

void write_box(const void* from, size_t bytes, size_t at) {
    [[maybe_unused]] const auto written = pwrite(box, from, bytes, static_cast<off_t>(at));
}

void copy_file(int file, size_t at, size_t bytes_max) {
    char buffer[page_bytes];
    for (size_t copied = 0; copied < bytes_max;) {
        const auto bytes = pread(file, buffer, std::min(sizeof buffer, bytes_max - copied), static_cast<off_t>(copied));
        if (bytes <= 0) return;
        write_box(buffer, static_cast<size_t>(bytes), at + copied);
        copied += static_cast<size_t>(bytes);
    }
}

/// As the DWARF of x86-64 numbers them.
void copy_registers(const ucontext_t& context, BlackBox& note) {
    constexpr std::array order{REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
                               REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
    static_assert(order.size() == shm::black_box_registers);
    for (size_t i = 0; i < order.size(); ++i)
        note.registers[i] = static_cast<uint64_t>(context.uc_mcontext.gregs[order[i]]);
}

/// The kernel refuses pages that are not there, so a stack pointer that leads nowhere does no harm. The first page may
/// be the guard of a stack that overflowed.
void copy_stack(uint64_t from) {
    uint64_t to = (from | (page_bytes - 1)) + 1;
    for (uint64_t at = from; at - from < BlackBox::stack_bytes_max; at = to, to += page_bytes) {
        const auto bytes = std::min<uint64_t>(to - at, BlackBox::stack_bytes_max - (at - from));
        const auto written =
            pwrite(box, reinterpret_cast<const void*>(at), bytes, static_cast<off_t>(BlackBox::stack_at + (at - from)));
        if (written < 0 && at != from) return;
    }
}

void on_crash(int number, siginfo_t* info, void* context) {
    if (crashing.exchange(true)) {
        for (;;) pause();  // another thread is writing, and ends us all
    }
    for (const int signal_number : crash_signals) signal(signal_number, SIG_DFL);
    BlackBox note{};
    note.magic = shm::black_box_magic;
    note.state = shm::BlackBoxState::crashed;
    note.signal = number;
    note.code = info->si_code;
    note.system_call = number == SIGSYS ? info->si_syscall : -1;
    note.address = number == SIGABRT ? 0 : reinterpret_cast<uint64_t>(info->si_addr);
    note.thread = static_cast<uint64_t>(gettid());
    copy_registers(*static_cast<const ucontext_t*>(context), note);
    note.stack_from = note.registers[7] - red_zone_bytes;
    copy_stack(note.stack_from);
    copy_file(maps, BlackBox::crash_maps_at, BlackBox::maps_bytes_max);
    write_box(&note, sizeof note, 0);
    // A fault happens again when its instruction does, and ends the process with the same context. What was sent, or
    // made by a system call, has to be sent again.
    const bool happens_again = info->si_code > 0 && number != SIGSYS;
    if (!happens_again) syscall(SYS_tgkill, getpid(), gettid(), number);
}

void catch_crashes() {
    const stack_t stack{.ss_sp = handler_stack.data(), .ss_flags = 0, .ss_size = handler_stack.size()};
    sigaltstack(&stack, nullptr);
    struct sigaction action {};
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    for (const int number : crash_signals) sigaction(number, &action, nullptr);
}

}  // namespace

void arm_black_box(int descriptor) {
    if (descriptor < 0) return;
    box = descriptor;
    fcntl(box, F_SETFD, FD_CLOEXEC);
    maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    limits = open("/proc/self/limits", O_RDONLY | O_CLOEXEC);
    if (!sanitizer_has_handlers) catch_crashes();
}

void note_in_black_box() {
    if (box < 0) return;
    copy_file(limits, BlackBox::limits_at, BlackBox::limits_bytes_max);
    close(std::exchange(limits, -1));
    copy_file(maps, BlackBox::maps_at, BlackBox::maps_bytes_max);
    BlackBox note{};
    note.magic = shm::black_box_magic;
    note.state = shm::BlackBoxState::ready;
    note.system_call = -1;
    write_box(&note, sizeof note, 0);
}

}  // namespace of
