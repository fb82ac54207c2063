// Two processes and a hundred million checksummed messages through each kind of ring, small enough to wrap around many
// thousand times, while writer and reader are killed at random: nothing torn, nothing lost or seen twice beyond what
// is promised, and what was published is what was read, is in the ring, or was lost and counted.
//
// The parent plays the supervisor: it reaps the dead before it starts a successor. Prints TAP and its seed.
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <new>
#include <random>

#include "shm/queue.hpp"
#include "tests/crash/checksummed.hpp"

using namespace of::shm;

namespace {

constexpr uint64_t ring_slots = 1024;
constexpr uint64_t duplicates_max = QueueReader<64>::publish_every;

/// What the reader has done, in shared memory, so that it outlives the reader.
struct Account {
    std::atomic<uint64_t> read{0};  ///< messages handled, those of both readers around a kill counted twice
    std::atomic<uint64_t> twice{0};
    std::atomic<uint64_t> lost{0};  ///< by laps
    std::atomic<uint64_t> torn{0};
    std::atomic<uint64_t> wrong{0};  ///< out of order, or of another position
    std::atomic<uint64_t> next{0};   ///< position behind the last that was handled
};

/// Handles one message; counts before it moves on, so that a kill between the two is seen as a message read twice.
void handle(Account& account, const Message& message, uint64_t position) {
    const auto next = account.next.load(std::memory_order_relaxed);
    if (!message.whole()) bump(account.torn);
    if (message.number != position || position > next) bump(account.wrong);
    if (position < next) return bump(account.twice);
    bump(account.read);
    account.next.store(position + 1, std::memory_order_relaxed);
}

void write_queue(const Segment& segment, uint64_t messages) {
    QueueWriter<64> writer(segment);
    for (auto n = writer.tail(); n < messages;) {
        const auto batch = std::min<uint64_t>(1 + n % 7, messages - n);
        if (!writer.claim(batch)) {
            __builtin_ia32_pause();
            continue;
        }
        publish(writer, n, batch);
        n += batch;
    }
}

void read_queue(const Segment& segment, Account& account, uint64_t messages) {
    QueueReader<64> reader(segment);
    while (reader.head() < messages) {
        const auto* at = reader.front();
        if (at == nullptr) {
            __builtin_ia32_pause();
            continue;
        }
        handle(account, *reinterpret_cast<const Message*>(at), reader.head());
        reader.pop();
    }
    reader.flush();
}

/// Waits for a reader that has fallen behind by half a ring, but for some rushes, in which it may lap it.
void write_broadcast(const Segment& segment, const Account& account, uint64_t messages) {
    BroadcastWriter<64> writer(segment);
    for (auto n = writer.tail(); n < messages;) {
        const bool rush = n / (4 * ring_slots) % 64 == 0;
        if (!rush && n > account.next.load(std::memory_order_relaxed) + ring_slots / 2) {
            __builtin_ia32_pause();
            continue;
        }
        const auto batch = std::min<uint64_t>(1 + n % 7, messages - n);
        writer.claim(batch);
        publish(writer, n, batch);
        n += batch;
    }
}

/// The cursor is the account itself: position and losses are stored after each message, as a worker's lie in `control`.
void read_broadcast(const Segment& segment, Account& account, uint64_t messages) {
    BroadcastReader<64> reader(segment, account.next.load());
    Message message;
    while (reader.position() < messages) {
        const auto position = reader.position();
        const auto status = reader.read(&message);
        if (status == ReadStatus::message) handle(account, message, position);
        if (status == ReadStatus::lapped) {
            account.lost.store(account.lost.load() + reader.position() - account.next.load());
            account.next.store(reader.position());
        }
        if (status == ReadStatus::empty) __builtin_ia32_pause();
    }
}

struct Plan {
    const char* name;
    SegmentKind kind;
    bool kill_reader;  ///< the broadcast reader's account of losses takes two stores, so only its writer is killed
};

bool ended_well(pid_t child, bool& failed) {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
        return false;
    const bool well = info.si_code == CLD_EXITED && info.si_status == 0;
    failed = failed || !well;
    return well;
}

std::string run(const Plan& plan, uint64_t messages, std::mt19937_64& random, uint64_t& kills) {
    SegmentSpec spec{.instance = fmt::format("conserve-{}", getpid()),
                     .channel = "ring",
                     .kind = plan.kind,
                     .slots = ring_slots,
                     .slot_bytes = 64,
                     .layout = "ring 1"};
    auto created = Segment::create(spec);
    if (!created) return created.error().message;
    remove_segment(spec.name());
    const auto& segment = *created;
    auto* memory = mmap(nullptr, sizeof(Account), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto& account = *new (memory) Account();
    const bool queue = plan.kind == SegmentKind::queue;
    const auto write = [&] { queue ? write_queue(segment, messages) : write_broadcast(segment, account, messages); };
    const auto read = [&] {
        queue ? read_queue(segment, account, messages) : read_broadcast(segment, account, messages);
    };
    auto writer = start(write);
    auto reader = start(read);
    bool failed = false;
    bool written = false;
    uint64_t reader_kills = 0;
    while (!failed) {
        poll(nullptr, 0, static_cast<int>(1 + random() % 40));
        if (ended_well(reader, failed)) break;
        if (!written && ended_well(writer, failed)) written = true;
        const bool victim_reads = plan.kill_reader && random() % 2 == 0;
        if (!victim_reads && written) continue;
        ++kills;
        reader_kills += victim_reads;
        const bool was_done = end(victim_reads ? reader : writer);
        if (victim_reads && was_done) {
            reader = -1;
            break;
        }
        if (!victim_reads && was_done) written = true;
        if (victim_reads) reader = start(read);
        if (!victim_reads && !was_done) writer = start(write);
    }
    if (reader > 0) failed = !end(reader) || failed;
    int status = 0;
    if (!written) waitpid(writer, &status, 0);
    if (written) end(writer);
    const auto published = ring_tail(segment);
    const auto text =
        fmt::format("published {} read {} lost {} twice {} torn {} wrong {}", published, account.read.load(),
                    account.lost.load(), account.twice.load(), account.torn.load(), account.wrong.load());
    fmt::print("# {}: {}, {} kills\n", plan.name, text, kills);
    // A reader that was killed between its two stores has counted that message, and its successor counts it again.
    const auto counted = account.read.load() + account.lost.load();
    const bool all = published == messages && account.next.load() == messages;
    const bool exact = all && counted >= messages && counted <= messages + reader_kills;
    const bool clean = account.torn.load() == 0 && account.wrong.load() == 0;
    const bool once = account.twice.load() <= reader_kills * duplicates_max;
    munmap(memory, sizeof(Account));
    return failed || !exact || !clean || !once ? text : "";
}

}  // namespace

int main(int argc, char** argv) {
    const uint64_t messages = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000'000;
    const uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : std::random_device{}();
    fmt::print("1..2\n# seed {}: conservation-test {} {}\n", seed, messages, seed);
    std::mt19937_64 random(seed);
    constexpr Plan plans[] = {{"a queue whose writer and reader are killed", SegmentKind::queue, true},
                              {"a broadcast ring whose writer is killed", SegmentKind::broadcast, false}};
    bool good = true;
    for (size_t i = 0; i < std::size(plans); ++i) {
        uint64_t kills = 0;
        const auto wrong = run(plans[i], messages, random, kills);
        fmt::print("{} {} - {} conserves every message{}{}\n", wrong.empty() ? "ok" : "not ok", i + 1, plans[i].name,
                   wrong.empty() ? "" : ": ", wrong);
        good = good && wrong.empty();
    }
    return good ? 0 : 1;
}
