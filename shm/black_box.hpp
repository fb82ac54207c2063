// The black box: a memfd that the supervisor makes for each incarnation of a worker, and that outlives it. The worker
// writes what is known of it when it is ready, and its crash handler what it crashed of; of-autopsy reads it after the
// death. Sealed to its size; what lies in it is not to be trusted.
//
// The handler copies registers and stack and unwinds nothing: that is done afterwards, elsewhere, by who can.
#pragma once

#include <array>

#include "shm/layout.hpp"

namespace of::shm {

inline constexpr uint64_t black_box_magic = 0x3130'584f'424b'4c42;  // "BLKBOX01"
inline constexpr size_t black_box_registers = 17;

enum class BlackBoxState : uint32_t { empty = 0, ready = 1, crashed = 2 };

/// The first page. Areas are at fixed places behind it.
struct BlackBox {
    static constexpr size_t limits_at = 4096, limits_bytes_max = 4096;
    static constexpr size_t maps_at = 8192, maps_bytes_max = 64 << 10;  ///< as of ready
    static constexpr size_t crash_maps_at = maps_at + maps_bytes_max;   ///< as of the crash
    static constexpr size_t stack_at = crash_maps_at + maps_bytes_max, stack_bytes_max = 128 << 10;
    static constexpr size_t total_bytes = stack_at + stack_bytes_max;

    uint64_t magic;
    BlackBoxState state;  ///< written last
    int32_t signal;
    int32_t code;         ///< si_code
    int32_t system_call;  ///< of SIGSYS; else -1
    uint64_t address;     ///< si_addr: the fault, or the instruction that made the system call
    uint64_t thread;
    uint64_t stack_from;                                  ///< address of the stack's first byte in the box
    std::array<uint64_t, black_box_registers> registers;  ///< x86-64, in DWARF's order; the last is the instruction's
};
static_assert(std::is_standard_layout_v<BlackBox> && std::is_trivially_copyable_v<BlackBox> &&
              sizeof(BlackBox) == 184 && offsetof(BlackBox, address) == 24 && offsetof(BlackBox, registers) == 48);

}  // namespace of::shm
