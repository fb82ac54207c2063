// Kill at every instruction: a child performs one operation on a ring under ptrace and is killed after k instructions,
// for every k until the operation completes. A successor attaches, and the promises must hold:
//
//   nothing torn, nothing acknowledged lost, nothing seen twice (but for a queue's last 16), nobody blocked,
//   conservation exact.
//
// Output is TAP: one line for each operation. The child is built from the same headers as production code.
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>

#include "shm/governor.hpp"
#include "shm/queue.hpp"
#include "shm/verify.hpp"

namespace {

using namespace of;
using namespace of::shm;

constexpr uint64_t slots = 64;

/// A message whose bytes prove that it is whole.
struct Proof {
    uint64_t number;
    uint64_t words[14];
};

void fill(Proof& proof, uint64_t n) {
    proof.number = n;
    for (uint64_t i = 0; i < std::size(proof.words); ++i) proof.words[i] = n * 0x9e37'79b9'7f4a'7c15 + i;
}
bool whole(const Proof& proof) {
    for (uint64_t i = 0; i < std::size(proof.words); ++i) {
        if (proof.words[i] != proof.number * 0x9e37'79b9'7f4a'7c15 + i) return false;
    }
    return true;
}

SegmentSpec spec_of(SegmentKind kind) {
    if (kind == SegmentKind::page)
        return make_spec(fmt::format("crash-{}", getpid()), "governor", kind, "governor", 0, 0, "");
    return {.instance = fmt::format("crash-{}", getpid()),
            .channel = kind == SegmentKind::queue ? "queue" : "broadcast",
            .kind = kind,
            .slots = slots,
            .slot_bytes = 128,
            .layout = "ring 1"};
}

Segment fresh(const SegmentSpec& spec) {
    remove_segment(spec.name());
    auto created = Segment::create(spec);
    if (!created) {
        fmt::print("Bail out! {}\n", created.error().message);
        std::exit(1);
    }
    return std::move(*created);
}

/// One operation, and what must hold after it was interrupted anywhere.
struct Operation {
    std::string name;
    SegmentKind kind;
    std::function<void(const Segment&)> prepare;  ///< the state before, made by a healthy process
    std::function<void(const Segment&, void (*mark)())>
        run;                                           ///< in the child; everything behind mark() is stepped through
    std::function<std::string(const Segment&)> check;  ///< what is wrong, or ""
};

enum class Outcome { killed, finished, failed };

/// Stops for the tracer without a detour through the C library, whose instructions would be stepped through as well.
void mark() { asm volatile("int3"); }

[[noreturn]] void exit_at_once() {
    asm volatile("syscall" : : "a"(SYS_exit_group), "D"(0) : "rcx", "r11", "memory");
    __builtin_unreachable();
}

/// Runs the operation in a child, lets it make `instructions` steps behind mark(), and kills it there.
Outcome run_killed(const Operation& operation, const Segment& segment, long instructions) {
    const pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        operation.run(segment, mark);
        exit_at_once();
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return Outcome::failed;
    auto outcome = Outcome::killed;
    for (long step = 0; step < instructions; ++step) {
        if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0 || waitpid(child, &status, 0) != child)
            return Outcome::failed;
        if (WIFEXITED(status)) return WEXITSTATUS(status) == 0 ? Outcome::finished : Outcome::failed;
        if (WIFSTOPPED(status) && WSTOPSIG(status) != SIGTRAP) outcome = Outcome::failed;
    }
    kill(child, SIGKILL);  // our own child, not yet reaped
    waitpid(child, &status, 0);
    return outcome;
}

void push(BroadcastWriter<128>& writer, uint64_t n) {
    writer.claim();
    fill(writer.message<Proof>(), n);
    writer.commit();
}
void push(QueueWriter<128>& writer, uint64_t n) {
    if (!writer.claim()) std::abort();
    fill(writer.message<Proof>(), n);
    writer.commit();
}

/// After a writer's death: the successor appends one message, and a reader from `from` must find a gapless, whole
/// sequence that ends with it, `before` messages long and at most `batch` more, all of the batch or none.
std::string check_broadcast(const Segment& segment, uint64_t from, uint64_t before, uint64_t batch) {
    BroadcastWriter<128> successor(segment);
    const auto tail = successor.tail();
    if (tail != before && tail != before + batch)
        return fmt::format("the successor found tail {}, expected {} or {}", tail, before, before + batch);
    push(successor, tail);
    BroadcastReader<128> reader(segment, from);
    Proof proof{};
    for (uint64_t n = from; n <= tail; ++n) {
        if (const auto status = reader.read(&proof); status != ReadStatus::message)
            return fmt::format("position {}: read status {}", n, static_cast<int>(status));
        if (!whole(proof) || proof.number != n)
            return fmt::format("position {} holds message {}, whole: {}", n, proof.number, whole(proof));
    }
    if (reader.read(&proof) != ReadStatus::empty) return "something lies behind the last message";
    return "";
}

/// The same for a queue whose reader has handled `head` messages.
std::string check_queue(const Segment& segment, uint64_t head_least, uint64_t before, uint64_t batch) {
    QueueWriter<128> successor(segment);
    const auto tail = successor.tail();
    if (tail != before && tail != before + batch)
        return fmt::format("the successor found tail {}, expected {} or {}", tail, before, before + batch);
    QueueReader<128> reader(segment);
    if (reader.head() < head_least || reader.head() > tail)
        return fmt::format("head {} is not in {}..{}", reader.head(), head_least, tail);
    if (tail - reader.head() < slots) push(successor, tail);
    for (uint64_t n = reader.head(); n < successor.tail(); ++n) {
        const auto* proof = reinterpret_cast<const Proof*>(reader.front());
        if (proof == nullptr) return fmt::format("message {} is missing", n);
        if (!whole(*proof) || proof->number != n)
            return fmt::format("position {} holds message {}, whole: {}", n, proof->number, whole(*proof));
        reader.pop();
    }
    return reader.front() == nullptr ? "" : "something lies behind the last message";
}

void fill_broadcast(const Segment& segment, uint64_t count) {
    BroadcastWriter<128> writer(segment);
    for (uint64_t n = writer.tail(); n < count; ++n) push(writer, n);
}
/// `count` messages written, `read` of them handled.
void fill_queue(const Segment& segment, uint64_t count, uint64_t read) {
    QueueWriter<128> writer(segment);
    QueueReader<128> reader(segment);
    for (uint64_t n = 0; n < count; ++n) {
        push(writer, n);
        if (n >= read) continue;
        if (reader.front() == nullptr) std::abort();
        reader.pop();
    }
    reader.flush();
}

Operation broadcast_push(std::string name, uint64_t before, uint64_t batch) {
    return {
        std::move(name), SegmentKind::broadcast, [=](const Segment& segment) { fill_broadcast(segment, before); },
        [=](const Segment& segment, void (*stop)()) {
            BroadcastWriter<128> writer(segment);
            stop();
            writer.claim(batch);
            for (uint64_t i = 0; i < batch; ++i) fill(writer.message<Proof>(i), before + i);
            writer.commit(batch);
        },
        [=](const Segment& segment) { return check_broadcast(segment, before > 40 ? before - 40 : 0, before, batch); }};
}

Operation queue_push(std::string name, uint64_t before, uint64_t read, uint64_t batch) {
    return {std::move(name), SegmentKind::queue, [=](const Segment& segment) { fill_queue(segment, before, read); },
            [=](const Segment& segment, void (*stop)()) {
                QueueWriter<128> writer(segment);
                stop();
                if (!writer.claim(batch)) return;
                for (uint64_t i = 0; i < batch; ++i) fill(writer.message<Proof>(i), before + i);
                writer.commit(batch);
            },
            [=](const Segment& segment) { return check_queue(segment, read, before, batch); }};
}

Operation queue_pop(std::string name, uint64_t before, uint64_t read, uint64_t pops) {
    return {std::move(name), SegmentKind::queue, [=](const Segment& segment) { fill_queue(segment, before, read); },
            [=](const Segment& segment, void (*stop)()) {
                QueueReader<128> reader(segment);
                stop();
                for (uint64_t i = 0; i < pops && reader.front() != nullptr; ++i) reader.pop();
                reader.flush();
            },
            [=](const Segment& segment) { return check_queue(segment, read, before, 0); }};
}

Operation broadcast_read_lapped() {
    return {"broadcast: a lapped read", SegmentKind::broadcast,
            [](const Segment& segment) { fill_broadcast(segment, 200); },
            [](const Segment& segment, void (*stop)()) {
                BroadcastReader<128> reader(segment, 0);
                Proof proof{};
                stop();
                reader.read(&proof);
                reader.read(&proof);
            },
            [](const Segment& segment) { return check_broadcast(segment, 160, 200, 0); }};
}

/// The successor itself is killed while it attaches, with an unfinished batch to clear away.
Operation broadcast_attach() {
    return {"broadcast: attach over an unfinished batch", SegmentKind::broadcast,
            [](const Segment& segment) {
                fill_broadcast(segment, 70);
                const SlotArray<128> ring(segment);
                ring.word(70).store(writing_word(70));
                ring.word(71).store(committed_word(71));
                ring.word(72).store(committed_word(72));
            },
            [](const Segment& segment, void (*stop)()) {
                stop();
                BroadcastWriter<128> writer(segment);
            },
            [](const Segment& segment) { return check_broadcast(segment, 30, 70, 0); }};
}
Operation queue_attach() {
    return {"queue: attach over an unfinished batch", SegmentKind::queue,
            [](const Segment& segment) {
                fill_queue(segment, 70, 60);
                SlotArray<128> ring(segment);
                ring.word(71).store(72);
                ring.word(72).store(73);
            },
            [](const Segment& segment, void (*stop)()) {
                stop();
                QueueWriter<128> writer(segment);
            },
            [](const Segment& segment) { return check_queue(segment, 60, 70, 0); }};
}

/// Whoever dies while spending has spent all of it or nothing, and the next one goes on.
Operation governor_spend() {
    static constexpr Moment now{1, 60'000'000'000};
    static constexpr uint64_t weight = 250;
    return {"governor: spend weight and a connection on a new venue", SegmentKind::page,
            [](const Segment& segment) { segment.page<GovernorPage>().claim("other"); },
            [](const Segment& segment, void (*mark)()) {
                auto& page = segment.page<GovernorPage>();
                mark();
                VenueBudget budget(*page.claim("venue"), {});
                static_cast<void>(budget.take(weight, true, now) + budget.take_connection(now.mono_ns));
                budget.shut(429, 2);
                budget.told(weight + 7, now.wall_ns);
            },
            [](const Segment& segment) -> std::string {
                auto& page = segment.page<GovernorPage>();
                if (const auto findings = verify(segment); !findings.empty()) return findings.kept().front().what;
                VenueBudget budget(*page.claim("venue"), {});
                if (budget.record().name.load() != "venue" || &budget.record() != &page.venues[1])
                    return "the venue has another record";
                const auto before = budget.used(now.wall_ns);
                if (before != 0 && before != weight && before != weight + 7)
                    return fmt::format("{} of weight is spent", before);
                const Moment open{2, now.wall_ns};
                if (budget.take(weight, true, open) != 0) return "the successor is held up";
                if (budget.used(now.wall_ns) != before + weight) return "the successor's weight is not counted";
                const auto left = budget.connections_left(now.mono_ns);
                return left + 1 < budget.limits().connection_burst ? fmt::format("{} connections left", left) : "";
            }};
}

/// The number of instructions that were tried, or -1 with the failure printed.
long prove(const Operation& operation) {
    const auto spec = spec_of(operation.kind);
    for (long instructions = 0; instructions < 200'000; ++instructions) {
        const auto segment = fresh(spec);
        operation.prepare(segment);
        const auto outcome = run_killed(operation, segment, instructions);
        const auto wrong =
            outcome == Outcome::failed ? std::string("the child did not follow") : operation.check(segment);
        remove_segment(spec.name());
        if (!wrong.empty()) {
            fmt::print("# killed after {} instructions: {}\n", instructions, wrong);
            return -1;
        }
        if (outcome == Outcome::finished) return instructions;
    }
    fmt::print("# did not finish within 200,000 instructions\n");
    return -1;
}

}  // namespace

int main() {
    const Operation operations[] = {
        broadcast_push("broadcast: push into an empty ring", 0, 1),
        broadcast_push("broadcast: push over a wrap-around", 64, 1),
        broadcast_push("broadcast: push a batch of 5", 10, 5),
        broadcast_push("broadcast: push a batch of 7 over a wrap-around", 60, 7),
        broadcast_read_lapped(),
        broadcast_attach(),
        queue_push("queue: push into an empty ring", 0, 0, 1),
        queue_push("queue: push over a wrap-around", 64, 30, 1),
        queue_push("queue: push a batch of 5 over a wrap-around", 62, 40, 5),
        queue_push("queue: push into a full ring", 64, 0, 1),
        queue_pop("queue: pop 20 of 40", 40, 0, 20),
        queue_pop("queue: pop over a wrap-around until empty", 70, 50, 100),
        queue_attach(),
        governor_spend(),
    };
    fmt::print("1..{}\n", std::size(operations));
    bool all = true;
    for (size_t i = 0; i < std::size(operations); ++i) {
        const auto instructions = prove(operations[i]);
        all = all && instructions >= 0;
        fmt::print("{}ok {} - {} ({} instructions)\n", instructions < 0 ? "not " : "", i + 1, operations[i].name,
                   instructions);
        std::fflush(stdout);
    }
    return all ? 0 : 1;
}
