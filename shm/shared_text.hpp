// A short text in shared memory that is replaced while others read it: words of eight bytes, so that no byte is torn in
// halves, under the sequence lock of the record it lies in.
#pragma once

#include <array>
#include <atomic>
#include <cstring>
#include <string>
#include <string_view>

namespace of::shm {

template <size_t bytes>
struct SharedText {
    static_assert(bytes % 8 == 0);
    std::array<std::atomic<uint64_t>, bytes / 8> words;

    /// Cut to fit.
    void store(std::string_view text) {
        std::array<uint64_t, bytes / 8> copy{};
        std::memcpy(copy.data(), text.data(), std::min(text.size(), bytes - 1));
        for (size_t i = 0; i < copy.size(); ++i) words[i].store(copy[i], std::memory_order_relaxed);
    }
    std::string load() const {
        std::array<uint64_t, bytes / 8> copy;
        for (size_t i = 0; i < copy.size(); ++i) copy[i] = words[i].load(std::memory_order_relaxed);
        const auto* text = reinterpret_cast<const char*>(copy.data());
        return {text, strnlen(text, bytes)};
    }
};

/// The sequence lock of such a record. One writer; a reader tries a bounded number of times, since a writer may lie
/// dead in the middle.
struct SequenceLock {
    std::atomic<uint32_t> sequence;

    template <typename Write>
    void write(Write store) {
        const auto odd = sequence.load(std::memory_order_relaxed) | 1;  // a dead writer may have left it odd
        sequence.store(odd, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_release);  // pairs with the acquire fence in read()
        store();
        sequence.store(odd + 1, std::memory_order_release);
    }
    /// Whether `load` saw everything of one write, or of none.
    template <typename Load>
    bool read(Load load) const {
        for (int attempt = 0; attempt < 64; ++attempt) {
            const auto before = sequence.load(std::memory_order_acquire);
            load();
            std::atomic_thread_fence(std::memory_order_acquire);
            if ((before & 1) == 0 && sequence.load(std::memory_order_relaxed) == before) return true;
        }
        return false;
    }
};

}  // namespace of::shm
