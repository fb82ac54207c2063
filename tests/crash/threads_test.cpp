// The protocols between two threads under ThreadSanitizer, which knows the memory model and not the machine: a missing
// acquire or release is found though x86 would forgive it. Prints TAP; a race ends the program with 66.
//
// The sanitizer does not follow fences, so for broadcast rings and pages it sees the atomic accesses only; their order
// is the matter of the interleaving test.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include "shm/breaker_page.hpp"
#include "shm/error_page.hpp"
#include "shm/metrics_page.hpp"
#include "shm/queue.hpp"

namespace {

using namespace of::shm;

constexpr uint64_t messages = 200'000;

struct Message {
    uint64_t words[7];
    void fill(uint64_t n) {
        for (auto& word : words) word = n;
    }
    bool whole(uint64_t n) const {
        return std::ranges::all_of(words, [&](uint64_t word) { return word == n; });
    }
};

Segment ring(SegmentKind kind) {
    SegmentSpec spec;
    spec.instance = fmt::format("threads-{}", getpid());
    spec.channel = "ring";
    spec.kind = kind;
    spec.slots = 64;
    spec.slot_bytes = 64;
    spec.layout = "ring 1";
    auto created = Segment::create(spec);
    if (!created) {
        fmt::print("Bail out! {}\n", created.error().message);
        std::exit(1);
    }
    remove_segment(spec.name());
    return std::move(*created);
}

bool queue_between_threads() {
    const auto segment = ring(SegmentKind::queue);
    std::thread thread([&] {
        QueueWriter<64> writer(segment);
        for (uint64_t n = 0; n < messages;) {
            const auto batch = std::min<uint64_t>(1 + n % 5, messages - n);
            if (!writer.claim(batch)) {
                std::this_thread::yield();
                continue;
            }
            for (uint64_t i = 0; i < batch; ++i) writer.message<Message>(i).fill(n + i);
            writer.commit(batch);
            n += batch;
        }
    });
    QueueReader<64> reader(segment);
    uint64_t wrong = 0;
    while (reader.head() < messages) {
        const auto* at = reader.front();
        if (at == nullptr) {
            std::this_thread::yield();
            continue;
        }
        wrong += !reinterpret_cast<const Message*>(at)->whole(reader.head());
        reader.pop();
    }
    thread.join();
    return wrong == 0;
}

bool broadcast_between_threads() {
    const auto segment = ring(SegmentKind::broadcast);
    std::thread thread([&] {
        BroadcastWriter<64> writer(segment);
        for (uint64_t n = 0; n < messages; ++n) {
            writer.claim();
            // Atomic, as the reader's look is: the protocol throws away what it saw torn.
            for (auto& word : writer.message<Message>().words)
                std::atomic_ref(word).store(n, std::memory_order_relaxed);
            writer.commit();
            if (n % 32 == 0) std::this_thread::yield();
        }
    });
    BroadcastReader<64> reader(segment, 0);
    Message message;
    uint64_t read = 0, wrong = 0;
    while (reader.position() < messages) {
        const auto position = reader.position();
        const auto status = reader.read(&message);
        if (status == ReadStatus::empty) std::this_thread::yield();
        if (status != ReadStatus::message) continue;
        ++read;
        wrong += !message.whole(position);
    }
    thread.join();
    return wrong == 0 && read + reader.lost() == messages;
}

bool pages_between_threads() {
    const auto metrics = std::make_unique<MetricsPage>();
    const auto errors = std::make_unique<ErrorPage>();
    MetricsWriter writer(*metrics);
    const auto one = writer.add(MetricKind::counter, "one", "", "", "");
    const auto two = writer.add(MetricKind::counter, "two", "", "", "");
    std::atomic<bool> stop{false};
    uint64_t wrong = 0;
    std::thread thread([&] {
        while (!stop.load()) {
            const auto copied = snapshot(*metrics);
            if (copied.batch != 0) wrong += copied.find("one")->scalar() != copied.find("two")->scalar();
            DistinctError error;
            if (errors->read(0, error)) wrong += error.count != error.last_correlation;
        }
    });
    for (uint64_t n = 1; n <= messages / 10; ++n) {
        writer.count(one, 1);
        writer.count(two, 1);
        writer.publish(n, n);
        errors->note(7, static_cast<int64_t>(n), n, {});
    }
    stop.store(true);
    thread.join();
    return wrong == 0;
}

}  // namespace

int main() {
    struct Case {
        const char* name;
        bool (*run)();
    };
    constexpr Case cases[] = {{"a queue between two threads", queue_between_threads},
                              {"a broadcast ring between two threads", broadcast_between_threads},
                              {"pages between two threads", pages_between_threads}};
    fmt::print("1..{}\n", std::size(cases));
    bool good = true;
    for (size_t i = 0; i < std::size(cases); ++i) {
        const bool well = cases[i].run();
        fmt::print("{} {} - {}\n", well ? "ok" : "not ok", i + 1, cases[i].name);
        good = good && well;
    }
    return good ? 0 : 1;
}
