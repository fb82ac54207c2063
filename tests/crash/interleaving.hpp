// Every interleaving of a small concurrent program, on a machine weaker than any we run on.
//
// A state holds shared memory, the stores that each thread has issued but that are not yet visible, and each thread's
// own registers. Stores become visible in any order that their release operations and their locations allow, so that a
// forgotten fence shows. The program is a plain struct with equality and a hash over its bytes; explore() visits each
// reachable state once and stops at the first that breaks a promise.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

namespace of::crash {

/// A thread's stores on their way to memory, oldest first. `Places`: words of shared memory.
template <size_t Places, size_t Pending>
class Stores {
  public:
    enum class Order : uint8_t { relaxed, release };

    void store(uint8_t place, uint8_t value, Order order) {
        entries_.at(count_++) = {place, value, static_cast<uint8_t>(order == Order::release), group_};
    }
    /// A release fence: what was stored before it is visible before what is stored after it.
    void fence() { ++group_; }
    bool empty() const { return count_ == 0; }
    /// A thread whose store buffer is full has to wait.
    bool full() const { return count_ == Pending; }
    size_t count() const { return count_; }

    /// What this thread itself reads there.
    uint8_t load(const std::array<uint8_t, Places>& memory, uint8_t place) const {
        for (size_t i = count_; i-- > 0;) {
            if (entries_[i].place == place) return entries_[i].value;
        }
        return memory[place];
    }
    /// Whether the i-th may become visible now, before all that were issued ahead of it.
    bool may_commit(size_t i) const {
        for (size_t earlier = 0; earlier < i; ++earlier) {
            if (entries_[earlier].place == entries_[i].place || entries_[i].release != 0 ||
                entries_[earlier].group != entries_[i].group)
                return false;
        }
        return true;
    }
    void commit(size_t i, std::array<uint8_t, Places>& memory) {
        memory[entries_[i].place] = entries_[i].value;
        for (; i + 1 < count_; ++i) entries_[i] = entries_[i + 1];
        entries_[--count_] = {};
        if (count_ == 0) group_ = 0;
    }

  private:
    struct Entry {
        uint8_t place = 0;
        uint8_t value = 0;
        uint8_t release = 0;
        uint8_t group = 0;
    };
    std::array<Entry, Pending> entries_{};
    uint8_t count_ = 0;
    uint8_t group_ = 0;
};

struct Explored {
    size_t states = 0;
    std::string broken;  ///< the first promise that did not hold; empty when all did
};

/// Visits every state that `next` reaches from `first`. `next(state, emit)` calls emit(successor) for each step that is
/// possible, and returns what is wrong with the state, or "".
template <typename State, typename Next>
Explored explore(const State& first, Next next) {
    static_assert(std::has_unique_object_representations_v<State>);
    const auto bytes_of = [](const State& state) {
        return std::string(reinterpret_cast<const char*>(&state), sizeof state);
    };
    Explored result;
    std::unordered_set<std::string> seen{bytes_of(first)};
    std::vector<State> open{first};
    while (!open.empty()) {
        const State state = open.back();
        open.pop_back();
        ++result.states;
        result.broken = next(state, [&](const State& successor) {
            if (seen.insert(bytes_of(successor)).second) open.push_back(successor);
        });
        if (!result.broken.empty()) return result;
    }
    return result;
}

}  // namespace of::crash
