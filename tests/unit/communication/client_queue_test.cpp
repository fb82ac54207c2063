#include "workers/communication/client_queue.hpp"

#include <catch2/catch.hpp>

#include "workers/communication/hold.hpp"

using namespace of::communication;

namespace {

FrameRef frame(FramePool& pool, int64_t id, uint64_t position = 0) {
    auto made = pool.make("x");
    made->id = id;
    made->position = position;
    return made;
}

/// What a client gets: ids, lost counts as negative numbers, 0 for an answer.
std::vector<int64_t> drain(ClientQueue& queue) {
    std::vector<int64_t> got;
    while (auto next = queue.next())
        got.push_back(next->lost != 0 ? -static_cast<int64_t>(next->lost) : next->frame ? next->frame->id : 0);
    return got;
}

std::vector<int64_t> ids(const std::vector<FrameRef>& frames) {
    std::vector<int64_t> got;
    for (const auto& one : frames) got.push_back(one->id);
    return got;
}

}  // namespace

TEST_CASE("client_queue: trades come in order, answers before them, quotes after them") {
    FramePool pool;
    ClientQueue queue(8);
    queue.quote(0, frame(pool, 100));
    queue.trade(frame(pool, 1));
    queue.trade(frame(pool, 2));
    queue.answer("subscribed");
    queue.stored(frame(pool, 50));
    CHECK(drain(queue) == std::vector<int64_t>{0, 50, 1, 2, 100});
    CHECK(queue.empty());
}

TEST_CASE("client_queue: a full queue drops new trades and tells the count where they are missing") {
    FramePool pool;
    ClientQueue queue(3);
    for (int64_t id = 1; id <= 5; ++id) CHECK(queue.trade(frame(pool, id)) == (id <= 3));
    CHECK(queue.next()->frame->id == 1);
    CHECK(queue.trade(frame(pool, 6)));
    CHECK(drain(queue) == std::vector<int64_t>{2, 3, -2, 6});
    CHECK(queue.lost_total() == 2);
}

TEST_CASE("client_queue: a loss at the end is told though no trade follows") {
    FramePool pool;
    ClientQueue queue(1);
    queue.trade(frame(pool, 1));
    queue.trade(frame(pool, 2));
    CHECK(drain(queue) == std::vector<int64_t>{1, -1});
}

TEST_CASE("client_queue: of the quotes of a topic only the newest waits, and topics keep their turn") {
    FramePool pool;
    ClientQueue queue(1);
    CHECK_FALSE(queue.quote(7, frame(pool, 70)));
    CHECK_FALSE(queue.quote(2, frame(pool, 20)));
    CHECK(queue.quote(7, frame(pool, 71)));
    CHECK(drain(queue) == std::vector<int64_t>{71, 20});
    CHECK_FALSE(queue.quote(7, frame(pool, 72)));
    CHECK(drain(queue) == std::vector<int64_t>{72});
}

TEST_CASE("client_queue: answers are bounded") {
    ClientQueue queue(1);
    for (size_t i = 0; i < ClientQueue::answers_max; ++i) CHECK(queue.answer("x"));
    CHECK_FALSE(queue.answer("x"));
}

TEST_CASE("frame_pool: frames go back when the last client lets them go, and are used again") {
    FramePool pool;
    {
        ClientQueue one(4);
        ClientQueue two(4);
        const auto shared = frame(pool, 1);
        one.trade(shared);
        two.trade(shared);
        CHECK(pool.in_use() == 1);
        one.clear();
        CHECK(pool.in_use() == 1);
    }
    CHECK(pool.in_use() == 0);
    CHECK_FALSE(pool.make(std::string(frame_bytes_max, 'x')));
}

TEST_CASE("hold: held trades that were sent as stored ones are not sent twice") {
    FramePool pool;
    Hold hold(1, 0, 10, 100);
    for (int64_t id = 5; id <= 8; ++id)
        CHECK(hold.offer(frame(pool, id, static_cast<uint64_t>(id) + 10)) == Hold::Verdict::held);
    for (int64_t id = 1; id <= 6; ++id) hold.sent(id);
    CHECK(ids(hold.release(21)) == std::vector<int64_t>{7, 8});
    CHECK(hold.offer(frame(pool, 6, 19)) ==
          Hold::Verdict::twice);  // repaired, and stored before the ring brought it here
    CHECK(hold.offer(frame(pool, 9, 20)) == Hold::Verdict::pass);
    CHECK(hold.offer(frame(pool, 10, 21)) == Hold::Verdict::over);
}

TEST_CASE("hold: a repaired trade with a lower id than the last stored one is not taken for a double") {
    FramePool pool;
    Hold hold(1, 0, 0, 100);
    hold.offer(frame(pool, 3, 30));
    hold.sent(1);
    hold.sent(2);
    hold.sent(4);
    CHECK(ids(hold.release(31)) == std::vector<int64_t>{3});
}

TEST_CASE("hold: what overflows before the store is asked will come from the store, what overflows later is lost") {
    FramePool pool;
    Hold hold(1, 0, 5, 2);
    for (uint64_t position = 10; position < 14; ++position)
        CHECK(hold.offer(frame(pool, static_cast<int64_t>(position), position)) == Hold::Verdict::held);
    CHECK(hold.after() == 12);
    hold.asked();
    CHECK(hold.offer(frame(pool, 14, 14)) == Hold::Verdict::lost);
    CHECK(hold.after() == 12);
}
