// What others offer for the same job, each at its best use for it: messages of the same payload, the same checks.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <memory>

#include "tests/bench/ours.hpp"

#ifdef OF_BENCH_ATOMIC_QUEUE
#include <atomic_queue/atomic_queue.h>
#endif
#ifdef OF_BENCH_ZEROMQ
#include <zmq.h>
#endif
#ifdef OF_BENCH_ICEORYX
#include <iceoryx_posh/popo/publisher.hpp>
#include <iceoryx_posh/popo/subscriber.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#endif

namespace of::bench {

/// A queue that lies in shared memory as it is: lock-free, of fixed size, constructed in place.
template <typename Queue, uint32_t slot_bytes>
struct InPlace {
    static constexpr size_t payload = slot_bytes - 8;
    using Message = Words<payload>;
    struct Block {
        Queue queue;
    };
    Block* block = detail::shared_block<Block>();
    ~InPlace() { detail::Unmap()(block); }
    void writer() {}
    void reader() {}
};

template <uint32_t slot_bytes>
using BoostSpsc = boost::lockfree::spsc_queue<Words<slot_bytes - 8>, boost::lockfree::capacity<ring_slots>>;

template <uint32_t slot_bytes>
struct BoostSpscQueue : InPlace<BoostSpsc<slot_bytes>, slot_bytes> {
    static constexpr const char* name = "boost::lockfree::spsc_queue";
    using Message = Words<slot_bytes - 8>;
    bool send(uint64_t n) {
        Message message;
        message.fill(n);
        return this->block->queue.push(message);
    }
    bool receive(uint64_t& n) {
        return this->block->queue.consume_one([&](const Message& message) { n = message.number(); }) != 0;
    }
};

#ifdef OF_BENCH_ATOMIC_QUEUE
template <uint32_t slot_bytes>
using AtomicSpsc = atomic_queue::AtomicQueue2<Words<slot_bytes - 8>, ring_slots, true, true, false, true>;

template <uint32_t slot_bytes>
struct AtomicQueue : InPlace<AtomicSpsc<slot_bytes>, slot_bytes> {
    static constexpr const char* name = "atomic_queue::AtomicQueue2";
    using Message = Words<slot_bytes - 8>;
    bool send(uint64_t n) {
        Message message;
        message.fill(n);
        return this->block->queue.try_push(message);
    }
    bool receive(uint64_t& n) {
        Message message;
        if (!this->block->queue.try_pop(message)) return false;
        n = message.number();
        return true;
    }
};
#endif

template <uint32_t slot_bytes>
struct BoostMessageQueue {
    static constexpr const char* name = "boost::interprocess::message_queue";
    static constexpr size_t payload = slot_bytes - 8;
    using Message = Words<payload>;
    using Queue = boost::interprocess::message_queue;
    static std::string fresh_name() {
        static int number = 0;
        return fmt::format("bench-mq-{}-{}", getpid(), ++number);
    }
    std::string file = fresh_name();
    Queue queue{boost::interprocess::create_only, file.c_str(), ring_slots, sizeof(Message)};
    BoostMessageQueue() { Queue::remove(file.c_str()); }
    void writer() {}
    void reader() {}
    bool send(uint64_t n) {
        Message message;
        message.fill(n);
        return queue.try_send(&message, sizeof message, 0);
    }
    bool receive(uint64_t& n) {
        Message message;
        size_t bytes = 0;
        unsigned priority = 0;
        if (!queue.try_receive(&message, sizeof message, bytes, priority)) return false;
        n = message.number();
        return true;
    }
};

/// A pair of descriptors; the kernel blocks, as its users do.
template <uint32_t slot_bytes, typename Open>
struct Descriptors {
    static constexpr size_t payload = slot_bytes - 8;
    using Message = Words<payload>;
    std::array<int, 2> ends = Open()();
    ~Descriptors() {
        close(ends[0]);
        close(ends[1]);
    }
    void writer() {}
    void reader() {}
    bool send(uint64_t n) {
        Message message;
        message.fill(n);
        return write(ends[1], &message, sizeof message) == sizeof message;
    }
    bool receive(uint64_t& n) {
        Message message;
        if (read(ends[0], &message, sizeof message) != sizeof message) return false;
        n = message.number();
        return true;
    }
};
struct OpenPipe {
    std::array<int, 2> operator()() const {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
        return ends;
    }
};
struct OpenSocket {
    std::array<int, 2> operator()() const {
        std::array<int, 2> ends{};
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
            throw std::runtime_error("socketpair");
        return ends;
    }
};
template <uint32_t slot_bytes>
struct Pipe : Descriptors<slot_bytes, OpenPipe> {
    static constexpr const char* name = "pipe";
};
template <uint32_t slot_bytes>
struct UnixSocket : Descriptors<slot_bytes, OpenSocket> {
    static constexpr const char* name = "Unix socket (SOCK_SEQPACKET)";
};

#ifdef OF_BENCH_ZEROMQ
template <uint32_t slot_bytes>
struct ZeroMq {
    static constexpr const char* name = "ZeroMQ ipc (PUSH, PULL)";
    static constexpr size_t payload = slot_bytes - 8;
    using Message = Words<payload>;
    static std::string fresh_path() {
        static int number = 0;
        return fmt::format("ipc:///tmp/bench-zmq-{}-{}", getpid(), ++number);
    }
    std::string path = fresh_path();
    void* context = nullptr;
    void* socket = nullptr;
    ~ZeroMq() { unlink(path.c_str() + 6); }
    void open(int kind, bool bind) {
        context = zmq_ctx_new();
        socket = zmq_socket(context, kind);
        const int limit = 0;  // no high-water mark: nothing is lost
        zmq_setsockopt(socket, ZMQ_SNDHWM, &limit, sizeof limit);
        zmq_setsockopt(socket, ZMQ_RCVHWM, &limit, sizeof limit);
        const auto code = bind ? zmq_bind(socket, path.c_str()) : zmq_connect(socket, path.c_str());
        if (code != 0) throw std::runtime_error(zmq_strerror(errno));
    }
    void writer() { open(ZMQ_PUSH, true); }
    void reader() { open(ZMQ_PULL, false); }
    bool send(uint64_t n) {
        Message message;
        message.fill(n);
        return zmq_send(socket, &message, sizeof message, 0) == sizeof message;
    }
    bool receive(uint64_t& n) {
        Message message;
        if (zmq_recv(socket, &message, sizeof message, 0) != sizeof message) return false;
        n = message.number();
        return true;
    }
};
#endif

#ifdef OF_BENCH_ICEORYX
/// Needs iox-roudi, which the benchmark starts.
template <uint32_t slot_bytes>
struct Iceoryx {
    static constexpr const char* name = "iceoryx";
    static constexpr size_t payload = slot_bytes - 8;
    using Message = Words<payload>;
    static uint32_t fresh_number() {
        static uint32_t number = 0;
        return ++number;
    }
    uint32_t number = fresh_number();
    std::unique_ptr<iox::popo::Publisher<Message>> out;
    std::unique_ptr<iox::popo::Subscriber<Message>> in;

    static iox::capro::IdString_t id(const std::string& text) {
        return {iox::cxx::TruncateToCapacity, text.data(), text.size()};
    }
    iox::capro::ServiceDescription service() const { return {id("bench"), id(std::to_string(number)), id("stream")}; }
    static void join() {
        static bool joined = false;
        if (joined) return;
        joined = true;
        const auto name_of_process = fmt::format("of-bench-{}", getpid());
        iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name_of_process));
    }
    void writer() {
        join();
        iox::popo::PublisherOptions options;
        options.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
        out = std::make_unique<iox::popo::Publisher<Message>>(service(), options);
        while (!out->hasSubscribers()) sched_yield();
    }
    void reader() {
        join();
        iox::popo::SubscriberOptions options;
        options.queueCapacity = 256;
        options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
        in = std::make_unique<iox::popo::Subscriber<Message>>(service(), options);
        while (in->getSubscriptionState() != iox::SubscribeState::SUBSCRIBED) sched_yield();
    }
    bool send(uint64_t n) {
        bool sent = false;
        out->loan().and_then([&](auto& sample) {
            sample->fill(n);
            sample.publish();
            sent = true;
        });
        return sent;
    }
    bool receive(uint64_t& n) {
        bool got = false;
        in->take().and_then([&](const auto& sample) {
            n = sample->number();
            got = true;
        });
        return got;
    }
};
#endif

}  // namespace of::bench
