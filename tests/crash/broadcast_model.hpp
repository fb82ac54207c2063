// The protocol of shm/broadcast.hpp, step by step: a writer that may be killed anywhere, its successor, and a reader.
#pragma once

#include <algorithm>

#include "tests/crash/interleaving.hpp"

namespace of::crash {

/// What the protocol relies on; each can be left out, to see that the exploration notices.
struct BroadcastRules {
    bool claim_fence = true;          ///< between the marks and the message
    bool commit_release = true;       ///< of the committed words
    bool reader_fence = true;         ///< between the copy and the second look
    bool first_is_last = true;        ///< a batch is committed from its last slot to its first
    bool recovery_takes_back = true;  ///< what a dead writer had committed behind an uncommitted slot
};

class BroadcastModel {
  public:
    static constexpr uint8_t slots = 4;
    static constexpr std::array<uint8_t, 5> batches{1, 2, 1, 2, 2};  ///< of the first writer
    static constexpr uint8_t successor_batches = 2;                  ///< of one message each
    static constexpr uint8_t positions = 10;                         ///< of all
    static constexpr uint8_t tail_place = slots * 3;
    using Words = std::array<uint8_t, slots * 3 + 1>;
    using Writes = Stores<slots * 3 + 1, 8>;

    struct State {
        Words memory{};
        Writes stores;
        uint8_t tail = 0;       ///< the writer's own
        uint8_t batch = 0;      ///< number in `batches`; behind them for the successor's
        uint8_t step = 0;       ///< within the batch
        uint8_t successor = 0;  ///< 1 once the first writer is dead and another has attached
        uint8_t dead = 0;       ///< killed, and not yet replaced
        uint8_t position = 0;   ///< the reader's
        uint8_t stage = 0;      ///< 0: first look, 1: copying
        uint8_t loaded = 0;     ///< bits: first word, second word, second look
        uint8_t before = 0;
        uint8_t look = 0;
        std::array<uint8_t, 2> copied{};
        uint8_t read = 0;
        uint8_t lost = 0;
        std::array<uint8_t, positions> by{};  ///< who wrote what was read: 0 not read, else 1 + writer
    };

    explicit BroadcastModel(BroadcastRules rules) : rules_(rules) {}

    template <typename Emit>
    std::string next(const State& state, Emit emit) const {
        for (size_t i = 0; i < state.stores.count(); ++i) {
            if (!state.stores.may_commit(i)) continue;
            auto after = state;
            after.stores.commit(i, after.memory);
            emit(after);
        }
        if (auto wrong = step_writer(state, emit); !wrong.empty()) return wrong;
        return step_reader(state, emit);
    }

  private:
    static uint8_t word_place(uint8_t position) { return static_cast<uint8_t>(position % slots * 3); }
    static uint8_t committed(uint8_t position) { return static_cast<uint8_t>((position + 1) << 1); }
    static uint8_t writing(uint8_t position) { return committed(position) | 1; }
    static uint8_t content(uint8_t position, uint8_t writer) { return static_cast<uint8_t>(1 + position * 2 + writer); }
    static bool finished(const State& state) {
        return state.successor != 0 && state.batch == batches.size() + successor_batches;
    }
    static uint8_t size_of(const State& state) { return state.batch < batches.size() ? batches[state.batch] : 1; }

    template <typename Emit>
    std::string step_writer(const State& state, Emit emit) const {
        if (state.dead != 0) {
            if (!state.stores.empty()) return "";  // what was issued before the death still becomes visible
            auto after = state;
            if (auto wrong = attach(after); !wrong.empty()) return wrong;
            emit(after);
            return "";
        }
        if (state.successor == 0) {
            auto killed = state;
            killed.dead = 1;
            emit(killed);
        }
        if (state.stores.full() || finished(state) || (state.successor == 0 && state.batch == batches.size()))
            return "";
        auto after = state;
        auto wrong = write_step(after);
        if (wrong.empty()) emit(after);
        return wrong;
    }

    /// One store of the batch: marks, fence, content, commits, tail.
    std::string write_step(State& state) const {
        const auto size = size_of(state);
        const auto order = rules_.commit_release ? Writes::Order::release : Writes::Order::relaxed;
        auto step = state.step++;
        if (step < size) {
            const auto position = static_cast<uint8_t>(state.tail + step);
            if (state.by[position] != 0) return "a message that was read is written again";
            state.stores.store(word_place(position), writing(position), Writes::Order::relaxed);
            if (step + 1 == size && rules_.claim_fence) state.stores.fence();
            return "";
        }
        step = static_cast<uint8_t>(step - size);
        if (step < 2 * size) {
            const auto position = static_cast<uint8_t>(state.tail + step / 2);
            state.stores.store(static_cast<uint8_t>(word_place(position) + 1 + step % 2),
                               content(position, state.successor), Writes::Order::relaxed);
            return "";
        }
        step = static_cast<uint8_t>(step - 2 * size);
        if (step < size) {
            const auto position = static_cast<uint8_t>(state.tail + (rules_.first_is_last ? size - 1 - step : step));
            state.stores.store(word_place(position), committed(position), order);
            return "";
        }
        const auto first = state.tail;
        state.tail = static_cast<uint8_t>(state.tail + size);
        // The ring's hint comes each 16 messages; here each 2, so that recovery has a way to walk.
        if (first / 2 != state.tail / 2) state.stores.store(tail_place, state.tail, Writes::Order::release);
        state.step = 0;
        ++state.batch;
        return "";
    }

    /// The successor's constructor; nobody else writes, so it is one step.
    std::string attach(State& state) const {
        const auto acknowledged = state.tail;
        const auto begun =
            static_cast<uint8_t>(state.batch < batches.size() ? acknowledged + size_of(state) : acknowledged);
        uint8_t tail = state.memory[tail_place];
        while (tail < positions && state.memory[word_place(tail)] == committed(tail)) ++tail;
        if (tail != acknowledged && tail != begun) return "a part of a batch survived its writer";
        for (uint8_t p = tail; rules_.recovery_takes_back && p < std::min<int>(tail + slots / 2, positions); ++p) {
            auto& word = state.memory[word_place(p)];
            if (word == committed(p)) word = writing(p);
        }
        state.memory[tail_place] = tail;
        state.tail = tail;
        state.dead = state.step = 0;
        state.successor = 1;
        state.batch = batches.size();
        return "";
    }

    template <typename Emit>
    std::string step_reader(const State& state, Emit emit) const {
        if (state.stage == 0) return first_look(state, emit);
        for (uint8_t i = 0; i < 2; ++i) {
            if ((state.loaded & (1 << i)) != 0) continue;
            auto after = state;
            after.loaded |= static_cast<uint8_t>(1 << i);
            after.copied[i] = state.memory[word_place(state.position) + 1u + i];
            emit(after);
        }
        const bool copied = (state.loaded & 3) == 3;
        if ((state.loaded & 4) == 0 && (copied || !rules_.reader_fence)) {
            auto after = state;
            after.loaded |= 4;
            after.look = state.memory[word_place(state.position)];
            emit(after);
        }
        if (state.loaded != 7) return "";
        auto after = state;
        auto wrong = judge(after);
        if (wrong.empty()) emit(after);
        return wrong;
    }

    template <typename Emit>
    std::string first_look(const State& state, Emit emit) const {
        if (state.position > positions) return "the reader is behind the end";
        const auto word = state.memory[word_place(state.position)];
        auto after = state;
        if (word == committed(state.position)) {
            after.stage = 1;
            after.before = word;
        } else if (word >> 1 > state.position + 1) {
            skip(after);
        } else {
            return empty(state);
        }
        emit(after);
        return "";
    }
    /// Nothing to read: at the end of all, the reader must have come to the writer's tail.
    static std::string empty(const State& state) {
        if (inside_batch(state.position) && state.by[state.position - 1] == 1)
            return "only the first half of a batch can be seen";
        if (!finished(state) || !state.stores.empty()) return "";
        if (state.position != state.tail) return "the reader is stuck before the tail";
        return state.read + state.lost == state.tail ? "" : "read and lost messages are not all that were published";
    }
    /// Whether it is a later slot of one of the first writer's batches.
    static bool inside_batch(uint8_t position) {
        uint8_t start = 0;
        for (const auto size : batches) {
            if (position <= start) return false;
            start = static_cast<uint8_t>(start + size);
            if (position < start) return true;
        }
        return false;
    }
    static void skip(State& state) {
        const auto tail = state.memory[tail_place];
        constexpr uint8_t kept = slots / 4 * 3;
        const auto resume = static_cast<uint8_t>(std::max<int>(state.position + 1, tail - kept));
        state.lost = static_cast<uint8_t>(state.lost + resume - state.position);
        state.position = resume;
        forget_copy(state);
    }
    static void forget_copy(State& state) {
        state.stage = state.loaded = state.before = state.look = 0;
        state.copied = {};
    }
    static std::string judge(State& state) {
        if (state.look != state.before) {
            skip(state);
            return "";
        }
        const auto position = state.position;
        const auto writer = static_cast<uint8_t>(state.copied[0] == content(position, 1) ? 1 : 0);
        if (state.copied[0] != content(position, writer) || state.copied[1] != content(position, writer))
            return "a torn message was taken for a whole one";
        state.by[position] = static_cast<uint8_t>(1 + writer);
        ++state.read;
        ++state.position;
        forget_copy(state);
        return "";
    }

    BroadcastRules rules_;
};

}  // namespace of::crash
