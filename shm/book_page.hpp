// The book page (`book.N`): the directory of a feed worker's symbols, and each symbol's best quote at a glance.
//
// header.symbol of a market message is an index into it. Written by binance N alone; entries are appended and never
// change their name, so that indices in the ring stay right across restarts. Quotes are under a sequence lock with a
// bounded number of tries: a reader never waits for a dead writer.
#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "shm/layout.hpp"

namespace of::shm {

inline constexpr size_t symbols_max = 512;

struct Quote {
    int64_t update_id;
    int64_t bid_price;  ///< at 1e-8
    int64_t bid_quantity;
    int64_t ask_price;
    int64_t ask_quantity;
    int64_t receive_ns;  ///< CLOCK_REALTIME
};

struct alignas(line_bytes) BookEntry {
    char name[32];
    std::atomic<uint32_t> sequence;             ///< odd while the quote is being written
    std::atomic<uint32_t> state;                ///< BookState of proto
    std::array<std::atomic<int64_t>, 6> quote;  ///< the fields of Quote
    std::atomic<uint64_t> resets;
    std::atomic<int64_t> trade_id;  ///< of the newest live trade in the market ring, or in the one before it
    std::atomic<int64_t> agg_id;
    char reserved[16];

    std::string_view symbol() const { return {name, strnlen(name, sizeof name)}; }

    void store(const Quote& value) {
        std::array<int64_t, 6> words;
        std::memcpy(words.data(), &value, sizeof words);
        const auto before = sequence.load(std::memory_order_relaxed) | 1;  // a dead writer may have left it odd
        sequence.store(before, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_release);  // pairs with the acquire fence in load()
        for (size_t i = 0; i < words.size(); ++i) quote[i].store(words[i], std::memory_order_relaxed);
        sequence.store(before + 1, std::memory_order_release);
    }
    /// The quote, whole; nothing before the first, or while its writer lies dead in the middle of one.
    std::optional<Quote> load() const {
        for (int attempt = 0; attempt < 64; ++attempt) {
            const auto before = sequence.load(std::memory_order_acquire);
            if (before == 0) return {};
            std::array<int64_t, 6> words;
            for (size_t i = 0; i < words.size(); ++i) words[i] = quote[i].load(std::memory_order_relaxed);
            std::atomic_thread_fence(std::memory_order_acquire);
            if ((before & 1) != 0 || sequence.load(std::memory_order_relaxed) != before) continue;
            Quote value;
            std::memcpy(&value, words.data(), sizeof value);
            return value;
        }
        return {};
    }
};
static_assert(sizeof(BookEntry) == 128 && sizeof(Quote) == 48);

struct BookPage {
    static constexpr std::string_view layout = "book 2";

    alignas(line_bytes) std::atomic<uint32_t> symbols;
    char reserved[124];
    std::array<BookEntry, symbols_max> entries;

    /// The name of symbol `index`; empty for one that is not there.
    std::string_view symbol(uint16_t index) const {
        return index < symbols.load(std::memory_order_acquire) && index < symbols_max ? entries[index].symbol() : "";
    }
    std::optional<uint16_t> find(std::string_view name) const {
        const auto used = std::min<uint32_t>(symbols.load(std::memory_order_acquire), symbols_max);
        for (uint32_t i = 0; i < used; ++i) {
            if (entries[i].symbol() == name) return static_cast<uint16_t>(i);
        }
        return {};
    }
    /// The writer's: the index of `name`, appended if it is new; nothing when the directory is full or the name too
    /// long.
    std::optional<uint16_t> add(std::string_view name) {
        if (const auto known = find(name)) return known;
        const auto used = symbols.load(std::memory_order_relaxed);
        if (used >= symbols_max || name.empty() || name.size() >= sizeof(BookEntry::name)) return {};
        std::memset(entries[used].name, 0, sizeof entries[used].name);
        std::memcpy(entries[used].name, name.data(), name.size());
        symbols.store(used + 1, std::memory_order_release);  // pairs with the acquire loads above: the name is whole
        return static_cast<uint16_t>(used);
    }
};
static_assert(sizeof(BookPage) == 128 + symbols_max * 128 && std::is_standard_layout_v<BookPage>);

}  // namespace of::shm
