// When silence is a hang: rows of looks, a second apart or as said.
#include "supervisor/hang_judge.hpp"

#include <catch2/catch.hpp>

using namespace of::supervisor;

namespace {

constexpr int64_t limit = 4'000'000'000;
constexpr int64_t start = 1'000'000'000'000;

/// A worker that beats no more from `start` on.
struct Silence {
    HangJudge judge;
    int64_t now = start;
    SchedulerSample sample{};
    int samples = 0;

    Silence() {
        judge.begin(start);
        judge.look(start, start, limit, [] { return SchedulerSample{}; });
    }
    Verdict after(int64_t span) {
        now += span;
        return judge.look(now, start, limit, [this] {
            ++samples;
            return sample;
        });
    }
};

}  // namespace

TEST_CASE("a worker that sleeps and says nothing is suspected at half its limit and hangs at the whole") {
    Silence silence;
    int suspected = 0;
    Verdict last = Verdict::well;
    while (last != Verdict::hung && silence.now < start + 10 * limit) {
        last = silence.after(500'000'000);
        if (last != Verdict::suspected) continue;
        ++suspected;
        CHECK(silence.now - start == limit / 2);
    }
    CHECK(suspected == 1);
    CHECK(silence.now - start == limit);
}

TEST_CASE("a short silence costs no look into /proc") {
    Silence silence;
    silence.after(500'000'000);
    silence.after(500'000'000);
    CHECK(silence.samples == 0);
}

TEST_CASE("time without a CPU is no silence") {
    SECTION("waits that have ended, as the scheduler counts them") {
        Silence silence;
        for (int i = 0; i < 100; ++i) {
            silence.sample = {.cpu_ns = 0, .wait_ns = silence.sample.wait_ns + 500'000'000, .state = 'R'};
            REQUIRE(silence.after(500'000'000) != Verdict::hung);
        }
        CHECK(silence.judge.starved_ns() > 45'000'000'000);
    }
    SECTION("one wait that has not ended, and is not counted yet") {
        Silence silence;
        silence.sample = {.cpu_ns = 7, .wait_ns = 7, .state = 'R'};
        for (int i = 0; i < 100; ++i) REQUIRE(silence.after(500'000'000) != Verdict::hung);
    }
    SECTION("a hold by a tracer, such as gdb") {
        Silence silence;
        silence.sample = {.cpu_ns = 7, .wait_ns = 7, .state = 't'};
        for (int i = 0; i < 100; ++i) REQUIRE(silence.after(500'000'000) != Verdict::hung);
    }
    SECTION("but a worker that computes and never comes back hangs") {
        Silence silence;
        Verdict last = Verdict::well;
        for (int i = 0; i < 20 && last != Verdict::hung; ++i) {
            silence.sample = {.cpu_ns = silence.sample.cpu_ns + 490'000'000, .wait_ns = 0, .state = 'R'};
            last = silence.after(500'000'000);
        }
        CHECK(last == Verdict::hung);
    }
    SECTION("and one that waits for a disk or was stopped from outside hangs") {
        for (const char state : {'D', 'T'}) {
            Silence silence;
            silence.sample = {.cpu_ns = 7, .wait_ns = 7, .state = state};
            Verdict last = Verdict::well;
            for (int i = 0; i < 20 && last != Verdict::hung; ++i) last = silence.after(500'000'000);
            CHECK(last == Verdict::hung);
        }
    }
}

TEST_CASE("a freeze of the whole tree is nobody's silence, whenever the last beat came") {
    Silence frozen;
    CHECK(frozen.after(60'000'000'000) == Verdict::well);
    CHECK(frozen.judge.silence_ns() == 0);

    // The beat that came after the last look and before the freeze is seen after it.
    HangJudge judge;
    judge.begin(start);
    const auto sample = [] { return SchedulerSample{}; };
    judge.look(start, start - 500'000'000, limit, sample);
    CHECK(judge.look(start + 60'000'000'000, start + 100'000'000, limit, sample) == Verdict::well);
    CHECK(judge.look(start + 60'500'000'000, start + 100'000'000, limit, sample) == Verdict::well);
}

TEST_CASE("the next look comes in time for the verdict") {
    Silence silence;
    while (silence.judge.silence_ns() < limit - 300'000'000) silence.after(100'000'000);
    CHECK(silence.judge.next_look_ns(limit) <= start + limit);
    CHECK(silence.judge.next_look_ns(limit) > silence.now);
}
