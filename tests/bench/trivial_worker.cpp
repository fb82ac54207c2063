// The child of the restart benchmark: notes when it began and when it was ready, then waits to be killed. Runs under
// every supervisor of the comparison; under ofsupervisor it plays the worker that its name says, and does what the
// supervisor sees of a worker: gate, robust futex, states, heartbeats.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

#include "proto/types.hpp"
#include "shm/life.hpp"
#include "tests/bench/restart_record.hpp"
#include "workers/runtime/gate.hpp"

namespace {

using namespace of;

int64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void* map(const char* path, size_t bytes) {
    const int file = open(path, O_RDWR | O_CLOEXEC);
    void* memory = file < 0 ? MAP_FAILED : mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) _exit(1);
    close(file);
    return memory;
}

const char* option(char** argv, std::string_view name) {
    for (; *argv != nullptr; ++argv)
        if (name == *argv && argv[1] != nullptr) return argv[1];
    return nullptr;
}

/// The record's path and index: from the environment and our name, or from a file in our folder.
bench::ChildRecord& record_of(const char* kind) {
    static char text[4096];
    const char* path = std::getenv(bench::record_variable);
    size_t index = 0;
    if (path != nullptr) {
        for (const std::string_view known : {"logger", "storage", "communication", "binance"}) {
            if (known == kind) break;
            ++index;
        }
    } else {
        const int file = open(bench::slot_file, O_RDONLY | O_CLOEXEC);
        const auto bytes = read(file, text, sizeof text - 1);
        char* space = bytes > 0 ? std::strrchr(text, ' ') : nullptr;
        if (space == nullptr) _exit(1);
        *space = '\0';
        path = text;
        index = std::strtoul(space + 1, nullptr, 10);
        close(file);
    }
    return static_cast<bench::ChildRecord*>(map(path, bench::records_max * sizeof(bench::ChildRecord)))[index];
}

/// What a worker says of itself in the control page, and the ring that has it read.
shm::ProcessSlot* join(char** argv, const char* kind) {
    const char* instance = option(argv, "--instance");
    if (instance == nullptr) return nullptr;
    if (const char* gate = option(argv, "--gate"); gate != nullptr && !pass_gate(std::atoi(gate))) _exit(0);
    char path[256] = "/dev/shm/";
    std::strcat(std::strncat(path, instance, 200), ".control");
    auto* bytes = static_cast<char*>(map(path, shm::body_offset + sizeof(shm::ControlPage)));
    auto* slot = reinterpret_cast<shm::ControlPage*>(bytes + shm::body_offset)->find(kind);
    if (slot == nullptr) _exit(1);
    static const shm::Life life(slot->own.life);
    slot->own.ready_ns.store(now_ns(), std::memory_order_relaxed);
    slot->own.heartbeat_ns.store(now_ns(), std::memory_order_relaxed);
    slot->own.state.store(static_cast<uint32_t>(WorkerState::running), std::memory_order_relaxed);
    slot->own.incarnation.store(slot->desk.incarnation.load(std::memory_order_acquire), std::memory_order_release);
    const char* doorbells = option(argv, "--doorbells");  // "supervisor=FD,..."
    const char* supervisor = doorbells == nullptr ? nullptr : std::strchr(doorbells, '=');
    constexpr uint64_t ring = 1;
    if (supervisor != nullptr && write(std::atoi(supervisor + 1), &ring, sizeof ring) < 0) _exit(1);
    return slot;
}

}  // namespace

int main(int argc, char** argv) {
    const auto first = now_ns();
    if (argc > 1 && std::string_view(argv[1]) == "--check-config") return 0;
    const char* slash = std::strrchr(argv[0], '/');
    const char* kind = slash == nullptr ? argv[0] : slash + 1;
    if (std::string_view(kind).starts_with("of-")) kind += 3;
    auto& record = record_of(kind);
    auto* slot = join(argv, kind);
    if (slot == nullptr && fcntl(3, F_GETFD) >= 0 && write(3, "\n", 1) < 0) return 1;  // s6's notification-fd
    record.first_ns.store(first, std::memory_order_relaxed);
    record.ready_ns.store(now_ns(), std::memory_order_relaxed);
    record.pid.store(getpid(), std::memory_order_relaxed);
    record.lives.fetch_add(1, std::memory_order_release);
    for (;;) {
        timespec half{.tv_sec = slot == nullptr ? 1000 : 0, .tv_nsec = 500'000'000};
        nanosleep(&half, nullptr);
        if (slot != nullptr) slot->own.heartbeat_ns.store(now_ns(), std::memory_order_relaxed);
    }
}
