// The budget that all processes of a host share: its rule, and that no race and no death breaks it.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "shm/governor.hpp"

using namespace of::shm;

namespace {

constexpr int64_t s = 1'000'000'000;
constexpr int64_t minute = 60 * s;
constexpr VenueLimits limits{.weight = 1'000, .reserve = 200, .connection_burst = 3, .connection_every_ns = 10 * s};

/// Ten seconds into some minute.
constexpr Moment start{5 * s, 1'000 * minute + 10 * s};
constexpr Moment later(int64_t ns) { return {start.mono_ns + ns, start.wall_ns + ns}; }

/// On the heap: a record is aligned to more than a stack under AddressSanitizer gives.
struct Venue {
    std::unique_ptr<VenueRecord> memory = std::make_unique<VenueRecord>();
    VenueRecord& record = *memory;
    VenueBudget budget{record, limits};
};

}  // namespace

TEST_CASE("weight is spent up to the limit, by what is not urgent up to the reserve, and is new each minute") {
    Venue venue;
    auto& budget = venue.budget;
    REQUIRE(budget.take(800, false, start) == 0);
    REQUIRE(budget.take(1, false, start) == 50 * s);
    REQUIRE(budget.take(200, true, start) == 0);
    REQUIRE(budget.take(1, true, later(20 * s)) == 30 * s);
    REQUIRE(budget.used(start.wall_ns) == 1'000);
    REQUIRE(budget.used(later(50 * s).wall_ns) == 0);
    REQUIRE(budget.take(800, false, later(50 * s)) == 0);
    REQUIRE(venue.record.granted == 3);
    REQUIRE(venue.record.weight == 1'800);
}

TEST_CASE("the exchange's own count holds where it is larger, for its minute") {
    Venue venue;
    auto& budget = venue.budget;
    budget.take(500, false, start);
    budget.told(300, start.wall_ns);
    REQUIRE(budget.used(start.wall_ns) == 500);
    budget.told(900, start.wall_ns);
    REQUIRE(budget.used(start.wall_ns) == 900);
    REQUIRE(budget.take(1, false, start) > 0);
    budget.told(7, later(minute).wall_ns);
    REQUIRE(budget.used(later(minute).wall_ns) == 7);
    budget.told(UINT64_MAX, later(minute).wall_ns);  // no such weight: as much as the word holds
    REQUIRE(budget.take(1, true, later(minute)) > 0);
}

TEST_CASE("a shut gate lets nothing through, the longer order holds, and no ban is longer than the longest") {
    Venue venue;
    auto& budget = venue.budget;
    budget.shut(418, later(100 * s).mono_ns);
    budget.shut(429, later(7 * s).mono_ns);
    REQUIRE(budget.take(1, true, start) == 100 * s);
    REQUIRE(venue.record.shut_status == 418);
    REQUIRE(venue.record.limited == 2);
    REQUIRE(budget.take(1, true, later(100 * s)) == 0);
    venue.record.shut_until_ns = INT64_MAX;
    REQUIRE(budget.shut_for_ns(start.mono_ns) == 3 * 24 * 60 * minute);
    REQUIRE(budget.shut_for_ns(INT64_MIN) == 3 * 24 * 60 * minute);
}

TEST_CASE("connections come in a burst and then at their rate") {
    Venue venue;
    auto& budget = venue.budget;
    REQUIRE(budget.connections_left(0) == 3);
    for (uint64_t left = 3; left-- > 0;) {
        REQUIRE(budget.take_connection(0) == 0);
        REQUIRE(budget.connections_left(0) == left);
    }
    REQUIRE(budget.take_connection(0) == 10 * s);
    REQUIRE(budget.take_connection(9 * s) == 1 * s);
    REQUIRE(budget.take_connection(10 * s) == 0);
    REQUIRE(budget.take_connection(10 * s) == 10 * s);
    REQUIRE(budget.connections_left(1'000 * s) == 3);
    REQUIRE(venue.record.connections == 4);
    venue.record.connections_ns = INT64_MAX;  // no clock has shown it: as good as all spent
    REQUIRE(budget.take_connection(0) == 10 * s);
    // So whatever happens, five minutes see no more than the exchange's 300.
    const VenueLimits real;
    REQUIRE(real.connection_burst + static_cast<uint64_t>(300 * s / real.connection_every_ns) <= 300);
}

TEST_CASE("one record for each venue, and none when all are taken") {
    const auto memory = std::make_unique<GovernorPage>();
    auto& page = *memory;
    auto* first = page.claim("binance");
    REQUIRE(first == page.claim("binance"));
    for (size_t i = 1; i < venues_max; ++i) REQUIRE(page.claim(std::to_string(i)) == &page.venues[i]);
    REQUIRE(page.claim("one more") == nullptr);
    REQUIRE(page.claim("binance") == first);
    REQUIRE(first->name.load() == "binance");
}

TEST_CASE("processes that race, some of them killed, never spend more than the limit") {
    void* const memory = mmap(nullptr, sizeof(GovernorPage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    auto* page = new (memory) GovernorPage();
    constexpr VenueLimits many{.weight = 4'000'000, .reserve = 0};
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            VenueBudget budget(*page->claim("venue"), many);
            while (budget.take(1 + static_cast<uint64_t>(i), true, start) == 0) {
            }
            _exit(0);
        }
        children.push_back(child);
    }
    while (page->venues[0].granted.load() < 10'000) std::this_thread::yield();
    kill(children[3], SIGKILL);
    for (const auto child : children) waitpid(child, nullptr, 0);
    VenueBudget budget(*page->claim("venue"), many);
    // Each stops at its first refusal, so less than one request is left over.
    REQUIRE(budget.used(start.wall_ns) <= many.weight);
    REQUIRE(budget.used(start.wall_ns) > many.weight - 4);
    // A killed one may have spent what it did not come to count.
    REQUIRE(budget.used(start.wall_ns) - page->venues[0].weight.load() <= 4);
    munmap(memory, sizeof(GovernorPage));
}
