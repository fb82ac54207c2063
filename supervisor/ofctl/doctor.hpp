// ofctl doctor: what of a host and of an instance stands in the way of running well.
//
// The checks are pure: each looks at a Patient, which doctor_patient.cpp fills from /proc, /sys, a few system calls
// that ask and change nothing, and the instance's segments. Files are read below a root, so that a test brings its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/ofctl/host_files.hpp"

namespace of::ofctl {

/// fail: something does not work, or will not; warn: it works worse than it could.
enum class Grade : uint8_t { ok, warn, fail };

std::string_view name_of(Grade grade);

struct Finding {
    Grade grade;
    std::string found;
    std::string fix;  ///< a command, or what to write where; empty when nothing is to be mended
};

/// What only system calls tell.
struct KernelFacts {
    std::string release;  ///< "6.1.0-18-amd64"
    bool pidfd = false;
    bool futex_waitv = false;
    bool membarrier = false;
    bool seccomp = false;
    int landlock_abi = 0;
    uint64_t open_files_max = 0;  ///< hard limit
    uint64_t locked_bytes_max = 0;
    uint64_t core_bytes_max = 0;
    int64_t realtime_s = 0;
    bool clock_synchronised = false;
};

struct FolderFacts {
    std::string path;  ///< empty: nobody names one
    bool exists = false;
    uint32_t mode = 0;
    uint32_t uid = 0;
    uint64_t bytes_free = 0;
    uint64_t bytes = 0;
};

struct WorkerFacts {
    std::string name;
    uint64_t pid;
    int seccomp;
    bool no_new_privs;
    uint64_t capabilities;
};

/// The instance that is looked at; all empty when there is none.
struct InstanceFacts {
    std::string name;
    bool runs = false;
    uint64_t supervisor_pid = 0;
    uint32_t owner = 0;  ///< whose processes its workers are, or will be
    std::string wait;    ///< of the running workers: "sleep", "yield", "spin"
    bool outlives = false;  ///< they outlive their supervisor
    uint32_t clock_steps = 0;  ///< times that the wall clock was set while it ran
    FolderFacts state, data, log;
    std::vector<WorkerFacts> workers;
    std::vector<std::string> open_segments;  ///< readable or writable by others than their owner
    size_t stale_segments = 0;               ///< of all dead instances
    uint64_t stale_bytes = 0;
};

struct Patient {
    HostFiles files;
    KernelFacts kernel;
    FolderFacts shm;
    InstanceFacts instance;
};

struct Check {
    std::string_view name;
    Finding (*look)(const Patient& patient);
};

// Each in the file of its name: doctor_kernel.cpp, ...
std::span<const Check> kernel_checks();
std::span<const Check> memory_checks();
std::span<const Check> machine_checks();
std::span<const Check> instance_checks();
/// All of them, in the order in which they are printed.
std::vector<Check> all_checks();

/// Looks at the machine and at the instance of this name.
Patient examine(const std::string& instance);

inline Finding well(std::string found) { return {Grade::ok, std::move(found), ""}; }
inline Finding poor(std::string found, std::string fix) { return {Grade::warn, std::move(found), std::move(fix)}; }
inline Finding broken(std::string found, std::string fix) { return {Grade::fail, std::move(found), std::move(fix)}; }

}  // namespace of::ofctl
