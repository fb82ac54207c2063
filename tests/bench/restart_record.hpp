// What a restarted child notes for the benchmark: a file that both map. Written by the child alone; `lives` last.
#pragma once

#include <atomic>
#include <cstdint>

namespace of::bench {

inline constexpr const char* record_variable = "OF_BENCH_RECORD";
inline constexpr const char* slot_file = "slot";  ///< in the child's folder: "RECORD INDEX"

struct alignas(64) ChildRecord {
    std::atomic<int64_t> first_ns;  ///< CLOCK_MONOTONIC of the first statement of main
    std::atomic<int64_t> ready_ns;  ///< when it was told to the supervisor
    std::atomic<int32_t> pid;
    std::atomic<uint32_t> lives;
};
inline constexpr size_t records_max = 32;

}  // namespace of::bench
