// The error page (`error.P`): each different error of a process once, with its count, first and last time and last
// correlation ID. It survives its process, and is what to look at first after a bad night.
//
// Written by P alone; what makes two errors the same is the caller's `key`, what they say the caller's bytes. When all
// records are taken, the one that has been quiet longest gives way, and is counted.
#pragma once

#include <span>

#include "shm/layout.hpp"
#include "shm/shared_text.hpp"

namespace of::shm {

inline constexpr size_t errors_max = 64;
inline constexpr size_t error_bytes = 248;

struct alignas(line_bytes) ErrorRecord {
    SequenceLock lock;
    uint32_t reserved;
    std::atomic<uint64_t> key;  ///< 0: free
    std::atomic<uint64_t> count;
    std::atomic<int64_t> first_wall_ns;
    std::atomic<int64_t> last_wall_ns;
    std::atomic<uint64_t> last_correlation;
    std::array<std::atomic<uint64_t>, error_bytes / 8> content;  ///< of the last one
    char padding[88];
};
static_assert(sizeof(ErrorRecord) == 384 && offsetof(ErrorRecord, content) == 48);

/// A consistent copy of a record.
struct DistinctError {
    uint64_t count = 0;
    int64_t first_wall_ns = 0;
    int64_t last_wall_ns = 0;
    uint64_t last_correlation = 0;
    std::array<uint64_t, error_bytes / 8> content{};
};

struct ErrorPage {
    static constexpr std::string_view layout = "error 1";

    alignas(line_bytes) std::atomic<uint64_t> evicted;
    char reserved[120];
    std::array<ErrorRecord, errors_max> records;

    /// The owner's. `content` beyond error_bytes is cut.
    void note(uint64_t key, int64_t wall_ns, uint64_t correlation, std::span<const std::byte> content) {
        constexpr auto relaxed = std::memory_order_relaxed;
        auto& record = place_of(key == 0 ? 1 : key);
        record.lock.write([&] {
            record.count.store(record.count.load(relaxed) + 1, relaxed);
            if (record.first_wall_ns.load(relaxed) == 0) record.first_wall_ns.store(wall_ns, relaxed);
            record.last_wall_ns.store(wall_ns, relaxed);
            record.last_correlation.store(correlation, relaxed);
            std::array<uint64_t, error_bytes / 8> words{};
            if (!content.empty()) std::memcpy(words.data(), content.data(), std::min(content.size(), error_bytes));
            for (size_t i = 0; i < words.size(); ++i) record.content[i].store(words[i], relaxed);
        });
    }
    /// What record `i` says; nothing when it is free, or its writer lies dead in the middle of it.
    bool read(size_t i, DistinctError& into) const {
        constexpr auto relaxed = std::memory_order_relaxed;
        const auto& record = records[i];
        if (record.key.load(std::memory_order_acquire) == 0) return false;
        return record.lock.read([&] {
            into = {record.count.load(relaxed),
                    record.first_wall_ns.load(relaxed),
                    record.last_wall_ns.load(relaxed),
                    record.last_correlation.load(relaxed),
                    {}};
            for (size_t w = 0; w < into.content.size(); ++w) into.content[w] = record.content[w].load(relaxed);
        });
    }

  private:
    ErrorRecord& place_of(uint64_t key) {
        ErrorRecord* quietest = &records[0];
        for (auto& record : records) {
            const auto taken = record.key.load(std::memory_order_relaxed);
            if (taken == key) return record;
            if (taken == 0) return take(record, key);
            if (record.last_wall_ns.load(std::memory_order_relaxed) <
                quietest->last_wall_ns.load(std::memory_order_relaxed))
                quietest = &record;
        }
        evicted.store(evicted.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return take(*quietest, key);
    }
    static ErrorRecord& take(ErrorRecord& record, uint64_t key) {
        record.lock.write([&] {
            record.count.store(0, std::memory_order_relaxed);
            record.first_wall_ns.store(0, std::memory_order_relaxed);
        });
        record.key.store(key, std::memory_order_release);
        return record;
    }
};
static_assert(sizeof(ErrorPage) == 128 + errors_max * sizeof(ErrorRecord) && std::is_standard_layout_v<ErrorPage>);

}  // namespace of::shm
