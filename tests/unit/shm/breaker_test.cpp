// What the conformance table cannot say: jitter, bounds, other processes, and pages of any content.
#include "shm/breaker.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <memory>
#include <random>

using namespace of::shm;

namespace {

constexpr int64_t second = 1'000'000'000;

auto at(int64_t now_ns) {
    return [now_ns] { return now_ns; };
}

}  // namespace

TEST_CASE("a breaker's open time has jitter to both sides and keeps to its bounds") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> chance(0.0, 1.0);
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 1000; ++i) {
        const auto memory = std::make_unique<BreakerRecord>();
        auto& record = *memory;
        Breaker breaker(record, {.failures_max = 1});
        breaker.fail(breaker.allow(at(0)), 0, chance(random));
        least = std::min(least, breaker.retry_in_ns(0));
        most = std::max(most, breaker.retry_in_ns(0));
    }
    CHECK(least >= 48 * second);
    CHECK(most <= 72 * second);
    CHECK(most - least > 12 * second);
}

TEST_CASE("open times double up to the cap and never overflow") {
    const BreakerRules rules{.open_ns = 60 * second, .open_max_ns = 900 * second};
    CHECK(Breaker::open_time_ns(rules, 0) == 60 * second);
    CHECK(Breaker::open_time_ns(rules, 3) == 480 * second);
    CHECK(Breaker::open_time_ns(rules, 4) == 900 * second);
    CHECK(Breaker::open_time_ns(rules, UINT32_MAX) == 900 * second);
    CHECK(Breaker::open_time_ns({.open_ns = INT64_MAX / 2 + 1, .open_max_ns = INT64_MAX}, 2) == INT64_MAX);
}

TEST_CASE("a closed breaker does not look at the clock") {
    const auto memory = std::make_unique<BreakerRecord>();
    auto& record = *memory;
    Breaker breaker(record, {});
    CHECK(breaker.allow([]() -> int64_t { throw std::logic_error("the clock was asked"); }));
}

TEST_CASE("a prober that is killed gives its lease back to its successor, or at its deadline to itself") {
    auto* page = new (mmap(nullptr, sizeof(BreakerPage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
        BreakerPage();
    auto* record = page->add("rest");
    REQUIRE(record != nullptr);
    const BreakerRules rules{.failures_max = 1, .open_ns = second, .jitter_percent = 0, .lease_ns = 30 * second};
    const auto child = fork();
    if (child == 0) {
        Breaker breaker(*record, rules);
        breaker.fail(breaker.allow(at(0)), 0, 0.5);
        if (!breaker.allow(at(second))) _exit(1);
        raise(SIGKILL);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
    CHECK(name_of(static_cast<BreakerState>(record->state.load())) == "half-open");
    Breaker successor(*record, rules);
    CHECK(record->leases_lost.load() == 1);
    const auto permit = successor.allow(at(second + 1));
    REQUIRE(permit);
    successor.succeed(permit, second + 2);
    CHECK(successor.state() == BreakerState::closed);
    munmap(page, sizeof(BreakerPage));
}

TEST_CASE("counters of a breaker have 64 bits") {
    const auto memory = std::make_unique<BreakerRecord>();
    auto& record = *memory;
    record.allowed.store(UINT32_MAX);
    Breaker breaker(record, {});
    breaker.succeed(breaker.allow(at(0)), 0);
    CHECK(record.allowed.load() == uint64_t{UINT32_MAX} + 1);
}

TEST_CASE("a breaker's page refuses a name that is empty, too long, or one too many, and finds the others") {
    auto page = std::make_unique<BreakerPage>();
    CHECK(page->add("") == nullptr);
    CHECK(page->add(std::string(32, 'x')) == nullptr);
    for (size_t i = 0; i < breakers_max; ++i) REQUIRE(page->add("b" + std::to_string(i)) == &page->records[i]);
    CHECK(page->add("onemore") == nullptr);
    CHECK(page->add("b3") == &page->records[3]);
    CHECK(page->find("onemore") == nullptr);
}

TEST_CASE("a breaker's page of random bytes leads nobody out of it") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    auto page = std::make_unique<BreakerPage>();
    auto* words = reinterpret_cast<uint64_t*>(page.get());
    for (int round = 0; round < 200; ++round) {
        for (size_t i = 0; i < sizeof *page / sizeof *words; ++i) words[i] = random();
        CHECK(page->size() <= breakers_max);
        auto& record = page->records[round % breakers_max];
        Breaker breaker(record, {});
        CHECK(name_of(breaker.state()) != "unknown");
        for (int64_t now = 0; now < 200 * second; now += 10 * second) {
            const auto permit = breaker.allow(at(now));
            if (permit) breaker.fail(permit, now, 0.5);
            std::ignore = breaker.retry_in_ns(now);
        }
        breaker.reset(0);
        CHECK(breaker.allow(at(0)));
    }
}

TEST_CASE("a text in a record is read whole, and a writer that died in it holds nobody up") {
    const auto memory = std::make_unique<BreakerRecord>();
    auto& record = *memory;
    record.lock.write([&] { record.reason.store("a reason"); });
    std::string text;
    CHECK(record.lock.read([&] { text = record.reason.load(); }));
    CHECK(text == "a reason");
    record.lock.sequence.store(record.lock.sequence.load() | 1);
    CHECK_FALSE(record.lock.read([&] { text = record.reason.load(); }));
    record.lock.write([&] { record.reason.store(std::string(200, 'y')); });
    CHECK(record.lock.read([&] { text = record.reason.load(); }));
    CHECK(text == std::string(63, 'y'));
}
