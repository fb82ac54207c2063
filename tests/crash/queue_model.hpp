// The protocol of shm/queue.hpp, step by step: writer and reader, each of which may be killed anywhere once, and their
// successors.
#pragma once

#include <algorithm>

#include "tests/crash/interleaving.hpp"

namespace of::crash {

struct QueueRules {
    bool commit_release = true;       ///< of the commit words
    bool head_release = true;         ///< of the reader's head: it has done with the slots before it
    bool first_is_last = true;        ///< a batch is committed from its last slot to its first
    bool recovery_takes_back = true;  ///< what a dead writer had committed behind an uncommitted slot
    bool room_is_checked = true;      ///< before a slot is filled again
};

class QueueModel {
  public:
    static constexpr uint8_t slots = 4;
    static constexpr std::array<uint8_t, 5> batches{1, 2, 3, 1, 2};  ///< of the first writer
    static constexpr uint8_t successor_batches = 2;                  ///< of one message each
    static constexpr uint8_t positions = 11;                         ///< of all
    static constexpr uint8_t publish_every = 2;                      ///< messages between two publications of the head
    static constexpr uint8_t head_place = slots * 3;
    static constexpr uint8_t tail_place = head_place + 1;
    static constexpr size_t places = slots * 3 + 2;
    using Writes = Stores<places, 8>;
    using HeadWrites = Stores<places, 2>;

    struct State {
        std::array<uint8_t, places> memory{};
        Writes stores;
        uint8_t tail = 0;
        uint8_t batch = 0;
        uint8_t step = 0;
        uint8_t head_cache = 0;
        uint8_t successor = 0;
        uint8_t dead = 0;
        HeadWrites heads;
        uint8_t head = 0;
        uint8_t published = 0;
        uint8_t stage = 0;   ///< 0: looks, 1: reads the message in place
        uint8_t loaded = 0;  ///< bits: first word, second word
        std::array<uint8_t, 2> copied{};
        uint8_t reader_successor = 0;
        uint8_t reader_dead = 0;
        uint8_t furthest = 0;                 ///< one more than the highest position that was handled
        std::array<uint8_t, positions> by{};  ///< who wrote what was handled: 0 not handled, else 1 + writer
    };

    explicit QueueModel(QueueRules rules) : rules_(rules) {}

    template <typename Emit>
    std::string next(const State& state, Emit emit) const {
        const auto commit = [&](auto member) {
            for (size_t i = 0; i < (state.*member).count(); ++i) {
                if (!(state.*member).may_commit(i)) continue;
                auto after = state;
                (after.*member).commit(i, after.memory);
                emit(after);
            }
        };
        commit(&State::stores);
        commit(&State::heads);
        if (auto wrong = step_writer(state, emit); !wrong.empty()) return wrong;
        return step_reader(state, emit);
    }

  private:
    static uint8_t word_place(uint8_t position) { return static_cast<uint8_t>(position % slots * 3); }
    static uint8_t committed(uint8_t position) { return static_cast<uint8_t>(position + 1); }
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
        if (after.step == 0 && !has_room(after)) {
            emit(after);  // the head was looked at; the message is refused, and tried again
            return "";
        }
        auto wrong = write_step(after);
        if (wrong.empty()) emit(after);
        return wrong;
    }

    bool has_room(State& state) const {
        const auto end = state.tail + size_of(state);
        if (!rules_.room_is_checked || end - state.head_cache <= slots) return true;
        state.head_cache = state.memory[head_place];
        return end - state.head_cache <= slots;
    }

    std::string write_step(State& state) const {
        const auto size = size_of(state);
        auto step = state.step++;
        if (step < 2 * size) {
            const auto position = static_cast<uint8_t>(state.tail + step / 2);
            if (state.by[position] != 0) return "a message that was handled is written again";
            state.stores.store(static_cast<uint8_t>(word_place(position) + 1 + step % 2),
                               content(position, state.successor), Writes::Order::relaxed);
            return "";
        }
        step = static_cast<uint8_t>(step - 2 * size);
        if (step < size) {
            const auto position = static_cast<uint8_t>(state.tail + (rules_.first_is_last ? size - 1 - step : step));
            const auto order = rules_.commit_release ? Writes::Order::release : Writes::Order::relaxed;
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

    /// The constructor of the writer's successor; nobody else writes there, so it is one step.
    std::string attach(State& state) const {
        const auto acknowledged = state.tail;
        const auto begun =
            static_cast<uint8_t>(state.batch < batches.size() ? acknowledged + size_of(state) : acknowledged);
        state.head_cache = state.memory[head_place];
        uint8_t tail = std::max(state.memory[tail_place], state.head_cache);
        while (tail < positions && state.memory[word_place(tail)] == committed(tail)) ++tail;
        if (tail != acknowledged && tail != begun) return "a part of a batch survived its writer";
        for (uint8_t p = tail; rules_.recovery_takes_back && p < std::min<int>(tail + slots, positions); ++p) {
            auto& word = state.memory[word_place(p)];
            if (word == committed(p)) word = 0;
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
        if (state.reader_dead != 0) {
            if (!state.heads.empty()) return "";
            auto after = state;
            after.head = after.published = after.memory[head_place];
            after.reader_dead = after.stage = after.loaded = 0;
            after.copied = {};
            after.reader_successor = 1;
            if (after.furthest - after.head > publish_every) return "more than one publication is handled twice";
            emit(after);
            return "";
        }
        if (state.reader_successor == 0) {
            auto killed = state;
            killed.reader_dead = 1;
            emit(killed);
        }
        return state.stage == 0 ? look(state, emit) : handle(state, emit);
    }

    template <typename Emit>
    std::string look(const State& state, Emit emit) const {
        auto after = state;
        if (state.head < positions && state.memory[word_place(state.head)] == committed(state.head)) {
            after.stage = 1;
        } else if (state.published != state.head) {
            if (state.heads.full()) return "";
            publish(after);
        } else {
            return empty(state);
        }
        emit(after);
        return "";
    }
    static std::string empty(const State& state) {
        if (!finished(state) || !state.stores.empty() || !state.heads.empty()) return "";
        if (state.head != state.tail) return "the reader is stuck before the tail";
        const auto all =
            std::ranges::all_of(state.by.begin(), state.by.begin() + state.tail, [](auto by) { return by != 0; });
        return all ? "" : "a message was never handled";
    }

    /// In place: the message's words are read in any order, then the slot is given back.
    template <typename Emit>
    std::string handle(const State& state, Emit emit) const {
        for (uint8_t i = 0; i < 2; ++i) {
            if ((state.loaded & (1 << i)) != 0) continue;
            auto after = state;
            after.loaded |= static_cast<uint8_t>(1 << i);
            after.copied[i] = state.memory[word_place(state.head) + 1u + i];
            emit(after);
        }
        // A head that is no release may be seen before the last read of the slot.
        const bool gives_back = state.head + 1 - state.published >= publish_every;
        if (!rules_.head_release && gives_back && state.loaded != 3 && !state.heads.full()) {
            auto after = state;
            after.heads.store(head_place, static_cast<uint8_t>(state.head + 1), HeadWrites::Order::relaxed);
            after.published = static_cast<uint8_t>(state.head + 1);
            emit(after);
        }
        if (state.loaded != 3 || (gives_back && state.heads.full())) return "";
        auto after = state;
        if (auto wrong = judge(after); !wrong.empty()) return wrong;
        ++after.head;
        after.furthest = std::max(after.furthest, after.head);
        if (after.head - after.published >= publish_every && after.published < after.head) publish(after);
        emit(after);
        return "";
    }
    static std::string judge(State& state) {
        const auto position = state.head;
        const auto writer = static_cast<uint8_t>(state.copied[0] == content(position, 1) ? 1 : 0);
        if (state.copied[0] != content(position, writer) || state.copied[1] != content(position, writer))
            return "a message was torn or overwritten while it was read";
        if (state.by[position] != 0 && state.by[position] != 1 + writer)
            return "a message changed after it was handled";
        state.by[position] = static_cast<uint8_t>(1 + writer);
        state.stage = state.loaded = 0;
        state.copied = {};
        return "";
    }
    static void publish(State& state) {
        state.heads.store(head_place, state.head, HeadWrites::Order::release);
        state.published = state.head;
    }

    QueueRules rules_;
};

}  // namespace of::crash
