// Our rings as transports: bare, with what a worker adds, in batches, and broadcast.
#pragma once

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <memory>

#include "proto/market.hpp"
#include "shm/doorbell.hpp"
#include "shm/metrics_page.hpp"
#include "shm/queue.hpp"
#include "tests/bench/pair.hpp"
#include "workers/runtime/clock.hpp"

namespace of::bench {

/// A message of so many bytes behind the commit word; every word is written and read.
template <size_t bytes>
struct Words {
    uint64_t words[bytes / 8];
    void fill(uint64_t n) {
        for (size_t i = 0; i < bytes / 8; ++i) words[i] = n + i;
    }
    /// The number it was filled with. A wrong word is noted in detail::damage, off the way that the answer takes.
    uint64_t number() const {
        uint64_t different = 0;
        for (size_t i = 0; i < bytes / 8; ++i) different |= words[i] ^ (words[0] + i);
        detail::damage |= different;
        return words[0];
    }
};

/// A ring's segment under a name of its own; gone from /dev/shm as soon as it is mapped.
inline shm::Segment bench_segment(shm::SegmentKind kind, uint32_t slot_bytes, uint64_t slots) {
    static int number = 0;
    const shm::SegmentSpec spec{.instance = fmt::format("bench-{}-{}", getpid(), ++number),
                                .channel = "ring",
                                .kind = kind,
                                .slots = slots,
                                .slot_bytes = slot_bytes,
                                .layout = "ring 1"};
    auto created = shm::Segment::create(spec);
    if (!created) throw std::runtime_error(created.error().message);
    shm::remove_segment(spec.name());
    return std::move(*created);
}

constexpr uint64_t ring_slots = 4096;

template <uint32_t slot_bytes>
struct OurQueue {
    static constexpr const char* name = "queue";
    static constexpr size_t payload = slot_bytes - 8;
    using Message = Words<payload>;
    shm::Segment segment = bench_segment(shm::SegmentKind::queue, slot_bytes, ring_slots);
    std::unique_ptr<shm::QueueWriter<slot_bytes>> out;
    std::unique_ptr<shm::QueueReader<slot_bytes>> in;

    void writer() { out = std::make_unique<shm::QueueWriter<slot_bytes>>(segment); }
    void reader() { in = std::make_unique<shm::QueueReader<slot_bytes>>(segment); }
    bool send(uint64_t n) {
        if (!out->claim()) return false;
        out->template message<Message>().fill(n);
        out->commit();
        return true;
    }
    bool receive(uint64_t& n) {
        const auto* at = in->front();
        if (at == nullptr) return false;
        n = reinterpret_cast<const Message*>(at)->number();
        in->pop();
        return true;
    }
};

/// No ring, and for one-way streams only: a line of 64 bytes for each message, written in so many runs of adjoining
/// stores. What a core can send in one run, two, three or four is what a ring of that many can reach; see "What sets
/// the pace" in BENCH.md.
template <int runs>
struct StoreRuns {
    static constexpr const char* name = runs == 1   ? "no ring, 1 run of stores"
                                        : runs == 2 ? "no ring, 2 runs of stores"
                                        : runs == 3 ? "no ring, 3 runs of stores"
                                                    : "no ring, 4 runs of stores";
    static constexpr size_t payload = 56;
    struct Block {
        alignas(128) std::atomic<uint64_t> head;
        alignas(128) std::array<std::array<std::atomic<uint64_t>, 8>, ring_slots> lines;
    };
    static constexpr size_t number_at = runs < 3 ? 7 : 0;  ///< last, it goes on with the run of the payload
    Block* block = detail::shared_block<Block>();
    uint64_t head_seen = 0;
    std::atomic<uint64_t> own{0};  ///< memory of the writer's own: a run by itself

    ~StoreRuns() { detail::Unmap()(block); }
    void writer() {}
    void reader() {}
    bool send(uint64_t n) {
        constexpr auto relaxed = std::memory_order_relaxed;
        if (n - head_seen > ring_slots) {
            head_seen = block->head.load(std::memory_order_acquire);
            if (n - head_seen > ring_slots) return false;
        }
        auto& line = block->lines[n % ring_slots];
        if constexpr (runs == 4) line[7].store(0, relaxed);
        for (size_t i = 0; i < 7; ++i) line[number_at == 0 ? i + 1 : i].store(n + i, relaxed);
        line[number_at].store(n, std::memory_order_release);
        if constexpr (runs > 1) own.store(n, relaxed);
        return true;
    }
    bool receive(uint64_t& n) {
        const auto next = own.load(std::memory_order_relaxed) + 1;
        const auto& line = block->lines[next % ring_slots];
        if (line[number_at].load(std::memory_order_acquire) != next) return false;
        uint64_t different = 0;
        for (size_t i = 0; i < 7; ++i)
            different |= line[number_at == 0 ? i + 1 : i].load(std::memory_order_relaxed) ^ (next + i);
        detail::damage |= different;
        own.store(next, std::memory_order_relaxed);
        if (next % 16 == 0) block->head.store(next, std::memory_order_release);
        n = next;
        return true;
    }
};

/// Batches of 64: the reader sees each at once. Round trips are of one message.
template <uint32_t slot_bytes>
struct OurBatches : OurQueue<slot_bytes> {
    static constexpr const char* name = "queue, batches of 64";
    static constexpr uint64_t batch = 64;
    using Message = typename OurQueue<slot_bytes>::Message;
    uint64_t begun = 0;

    bool send(uint64_t n) {
        auto* ring = this->out.get();
        if (begun == 0 && !ring->claim(batch)) return false;
        ring->template message<Message>(begun).fill(n);
        if (++begun < batch) return true;
        ring->commit(batch);
        begun = 0;
        return true;
    }
    bool send_alone(uint64_t n) { return OurQueue<slot_bytes>::send(n); }
};

/// As a worker sends: a look at the reader's doorbell after each commit.
template <uint32_t slot_bytes>
struct OurQueueWithBell : OurQueue<slot_bytes> {
    static constexpr const char* name = "queue, with doorbell";
    shm::SleepLine* sleep = detail::shared_block<shm::SleepLine>();
    int event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    shm::DoorbellWriter bell{*sleep, event_fd, !shm::register_membarrier()};

    ~OurQueueWithBell() {
        detail::Unmap()(sleep);
        close(event_fd);
    }
    bool send(uint64_t n) {
        if (!OurQueue<slot_bytes>::send(n)) return false;
        bell.ring();
        return true;
    }
};

template <uint32_t slot_bytes>
struct OurBroadcast {
    static constexpr const char* name = "broadcast";
    static constexpr size_t payload = slot_bytes - 8;
    using Message = Words<payload>;
    shm::Segment segment = bench_segment(shm::SegmentKind::broadcast, slot_bytes, ring_slots);
    std::unique_ptr<shm::BroadcastWriter<slot_bytes>> out;
    std::unique_ptr<shm::BroadcastReader<slot_bytes>> in;

    void writer() { out = std::make_unique<shm::BroadcastWriter<slot_bytes>>(segment); }
    void reader() { in = std::make_unique<shm::BroadcastReader<slot_bytes>>(segment, 0); }
    /// The writer never waits: a slow reader is told what it lost, and goes on behind it.
    bool send(uint64_t n) {
        out->claim();
        out->template message<Message>().fill(n);
        out->commit();
        return true;
    }
    bool receive(uint64_t& n) {
        Message message;
        if (skipped != 0) {
            --skipped;
            n = ++next;
            return true;
        }
        const auto lost = in->lost();
        switch (in->read(&message)) {
            case shm::ReadStatus::message:
                n = message.number();
                next = n;
                return true;
            case shm::ReadStatus::lapped:
                skipped = in->lost() - lost;
                return false;
            case shm::ReadStatus::empty:
                return false;
        }
        return false;
    }
    uint64_t skipped = 0;  ///< lost messages, which count as received so that both sides agree on the end
    uint64_t next = 0;
};

/// As a worker sends: header, correlation ID, time, a counter, doorbell. The time is that of the frame which the
/// messages came in, so one look at the clock serves `frame` of them.
template <uint32_t slot_bytes>
struct OurFull : OurQueueWithBell<slot_bytes> {
    static constexpr const char* name = "queue, as a worker sends";
    static constexpr uint64_t frame = 16;
    static constexpr size_t body = slot_bytes - 8 - sizeof(Header) - 8;
    struct Message {
        Header header;
        int64_t time_ns;
        Words<body> words;
    };
    using Base = OurQueueWithBell<slot_bytes>;
    shm::MetricsPage* page = detail::shared_block<shm::MetricsPage>();
    std::unique_ptr<shm::MetricsWriter> metrics;
    uint32_t sent = 0;
    CorrelationSource correlations{{ProcessKind::binance, 0}, 1};
    int64_t time_ns = 0;

    ~OurFull() { detail::Unmap()(page); }
    void writer() {
        Base::writer();
        metrics = std::make_unique<shm::MetricsWriter>(*page);
        sent = metrics->add(shm::MetricKind::counter, "sent_total", "", "messages", "Messages sent");
    }
    bool send(uint64_t n) {
        auto* ring = this->out.get();
        if (!ring->claim()) return false;
        if (n % frame == 1) time_ns = wall_ns();
        auto& message = ring->template message<Message>();
        message.header = {.type = MessageType::trade, .origin = 1, .correlation = correlations.next()};
        message.time_ns = time_ns;
        message.words.fill(n);
        ring->commit();
        metrics->count(sent, 1);
        if (metrics->full()) metrics->publish(static_cast<uint64_t>(time_ns), message.header.correlation.value);
        this->bell.ring();
        return true;
    }
    bool receive(uint64_t& n) {
        auto* ring = this->in.get();
        const auto* at = ring->front();
        if (at == nullptr) return false;
        n = reinterpret_cast<const Message*>(at)->words.number();
        ring->pop();
        return true;
    }
};

}  // namespace of::bench
