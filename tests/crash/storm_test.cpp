// Readers that come and go while a broadcast ring wraps around many thousand times: each opens the segment by its name,
// reads for a while from the oldest or the newest message, and ends or is killed. A reader that stays sees every
// message, and none of the visitors one that is torn or out of order. And a queue whose reader stands still: the writer
// is refused while it is full, and afterwards every message comes, once and in order.
//
// usage: storm-test [WRAPS [SECONDS THAT THE QUEUE IS FULL [SEED]]]        Prints TAP and its seed.
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <new>
#include <optional>
#include <random>

#include "shm/queue.hpp"
#include "tests/crash/checksummed.hpp"

using namespace of::shm;

namespace {

constexpr uint64_t ring_slots = 1024;
constexpr size_t visitors = 6;

/// In shared memory.
struct Account {
    std::atomic<uint64_t> stayed{0};   ///< position of the reader that stays
    std::atomic<uint64_t> visits{0};   ///< begun
    std::atomic<uint64_t> seen{0};     ///< messages, by visitors
    std::atomic<uint64_t> skipped{0};  ///< by visitors that were lapped
    std::atomic<uint64_t> faults{
        0};  ///< torn, out of order, of another position, or a segment that could not be opened
    std::atomic<uint64_t> refused{0};  ///< claims of a full queue
    std::atomic<uint64_t> read{0};
};

SegmentSpec spec_of(SegmentKind kind) {
    return {.instance = fmt::format("storm-{}", getpid()),
            .channel = "ring",
            .kind = kind,
            .slots = ring_slots,
            .slot_bytes = 64,
            .layout = "ring 1"};
}

/// Waits for the reader that stays; nobody waits for a visitor.
void write_all(const Segment& segment, const Account& account, uint64_t messages) {
    BroadcastWriter<64> writer(segment);
    for (uint64_t n = 0; n < messages;) {
        if (n > account.stayed.load(std::memory_order_relaxed) + ring_slots / 2) {
            __builtin_ia32_pause();
            continue;
        }
        const auto batch = std::min<uint64_t>(1 + n % 7, messages - n);
        writer.claim(batch);
        publish(writer, n, batch);
        n += batch;
    }
}

bool right(const Message& message, uint64_t position) { return message.whole() && message.number == position; }

void stay(const Segment& segment, Account& account, uint64_t messages) {
    BroadcastReader<64> reader(segment, 0);
    Message message;
    while (reader.position() < messages) {
        const auto position = reader.position();
        const auto status = reader.read(&message);
        if (status == ReadStatus::empty) __builtin_ia32_pause();
        if (status == ReadStatus::lapped || (status == ReadStatus::message && !right(message, position)))
            account.faults.fetch_add(1);
        account.stayed.store(reader.position(), std::memory_order_relaxed);
    }
}

/// `dice` decides where it begins and how long it stays.
void visit(const SegmentSpec& spec, Account& account, uint64_t dice) {
    account.visits.fetch_add(1);
    const auto segment = Segment::open(spec, Access::read_only);
    if (!segment) {
        account.faults.fetch_add(1);
        return;
    }
    const auto begin = dice % 2 == 0 ? BroadcastReader<64>::oldest(*segment) : BroadcastReader<64>::newest(*segment);
    BroadcastReader<64> reader(*segment, begin);
    Message message;
    uint64_t seen = 0, faults = 0;
    for (const auto turns = dice / 2 % 20'000; seen < turns;) {
        const auto position = reader.position();
        const auto status = reader.read(&message);
        if (status == ReadStatus::empty) break;
        if (status != ReadStatus::message) continue;
        ++seen;
        faults += !right(message, position);
    }
    account.seen.fetch_add(seen);
    account.faults.fetch_add(faults + (reader.position() - begin != seen + reader.lost()));
    account.skipped.fetch_add(reader.lost());
}

/// Whether it has ended with success; nothing while it lives.
std::optional<bool> outcome(pid_t child) {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return {};
    return info.si_code == CLD_EXITED && info.si_status == 0;
}
/// Waits until both have ended, or one without success; reaps them. Whether both had success.
bool both_end_well(pid_t writer, pid_t reader, const std::function<void()>& meanwhile) {
    while (!(outcome(writer) && outcome(reader)) && outcome(writer).value_or(true) && outcome(reader).value_or(true))
        meanwhile();
    const bool wrote = end(writer);
    return end(reader) && wrote;
}

bool readers_come_and_go(Account& account, uint64_t wraps, std::mt19937_64& random) {
    const auto spec = spec_of(SegmentKind::broadcast);
    const auto segment = Segment::create(spec);
    if (!segment) return false;
    const auto messages = wraps * ring_slots;
    const auto writer = start([&] { write_all(*segment, account, messages); });
    const auto reader = start([&] { stay(*segment, account, messages); });
    std::array<pid_t, visitors> guests{};
    uint64_t kills = 0;
    const bool all = both_end_well(writer, reader, [&] {
        for (auto& guest : guests) {
            const bool kills_it = guest != 0 && random() % 4 == 0;
            if (guest != 0 && !kills_it && !outcome(guest)) continue;
            if (guest != 0) kills += !end(guest);
            guest = start([&, dice = random()] { visit(spec, account, dice); });
        }
        poll(nullptr, 0, 1);
    });
    for (const auto guest : guests)
        if (guest != 0) end(guest);
    remove_segment(spec.name());
    fmt::print("# {} messages; {} visits, {} killed; they saw {} messages and skipped {}; {} faults\n", messages,
               account.visits.load(), kills, account.seen.load(), account.skipped.load(), account.faults.load());
    return all && account.stayed.load() == messages && account.faults.load() == 0 && kills > 0 &&
           account.seen.load() > 0;
}

void write_while_full(const Segment& segment, Account& account, uint64_t messages) {
    QueueWriter<64> writer(segment);
    for (uint64_t n = 0; n < messages;) {
        if (!writer.claim(1)) {
            account.refused.fetch_add(1);
            poll(nullptr, 0, 1);
            continue;
        }
        writer.message<Message>(0).fill(n++);
        writer.commit(1);
    }
}

void read_in_order(const Segment& segment, Account& account, uint64_t messages) {
    QueueReader<64> reader(segment);
    while (reader.head() < messages) {
        const auto* at = reader.front();
        if (at == nullptr) {
            poll(nullptr, 0, 1);
            continue;
        }
        if (!right(*reinterpret_cast<const Message*>(at), reader.head())) account.faults.fetch_add(1);
        account.read.fetch_add(1);
        reader.pop();
    }
    reader.flush();
}

bool a_full_queue_keeps_what_it_has(Account& account, int seconds) {
    const auto spec = spec_of(SegmentKind::queue);
    const auto segment = Segment::create(spec);
    if (!segment) return false;
    remove_segment(spec.name());
    constexpr uint64_t messages = 3 * ring_slots;
    const auto writer = start([&] { write_while_full(*segment, account, messages); });
    while (account.refused.load() == 0) poll(nullptr, 0, 1);
    const auto full = ring_tail(*segment);
    poll(nullptr, 0, 1000 * seconds);  // the time that it is full is what is tried
    const bool held = ring_tail(*segment) == full && full == ring_slots;
    const auto refused = account.refused.load();
    const auto reader = start([&] { read_in_order(*segment, account, messages); });
    const bool all = both_end_well(writer, reader, [] { poll(nullptr, 0, 1); });
    fmt::print("# full for {} s with {} messages; refused {} times meanwhile, read {} afterwards\n", seconds, full,
               refused, account.read.load());
    return held && all && refused > 1 && account.read.load() == messages && account.faults.load() == 0;
}

}  // namespace

int main(int argc, char** argv) {
    const uint64_t wraps = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000;
    const int seconds = argc > 2 ? std::atoi(argv[2]) : 10;
    const uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : std::random_device{}();
    fmt::print("1..2\n# seed {}: storm-test {} {} {}\n", seed, wraps, seconds, seed);
    std::mt19937_64 random(seed);
    auto* memory = mmap(nullptr, sizeof(Account), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto& account = *new (memory) Account();
    const bool storm = readers_come_and_go(account, wraps, random);
    fmt::print("{} 1 - readers that come and go see whole messages in order, and disturb nobody\n",
               storm ? "ok" : "not ok");
    const bool full = a_full_queue_keeps_what_it_has(account, seconds);
    fmt::print("{} 2 - a queue that is full keeps what it has, and goes on\n", full ? "ok" : "not ok");
    return storm && full ? 0 : 1;
}
