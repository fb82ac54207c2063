// Thousands of lives of an instance in seconds: the crew, the restart policy, the hang judge and a breaker, under
// crashes, hangs, starvation, freezes and operators, on a fake clock. A failing seed is printed; OF_SEED repeats it.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>

#include "shm/breaker.hpp"
#include "tests/unit/supervisor/simulated_world.hpp"

namespace of::supervisor::simulation {
namespace {

constexpr size_t workers = 4;
constexpr size_t storage = 1;  ///< the dependency of the breaker
constexpr size_t caller = 2;   ///< whose breaker it is
constexpr ProcessKind kinds[] = {ProcessKind::logger, ProcessKind::storage, ProcessKind::communication,
                                 ProcessKind::binance};
constexpr int64_t storm_ns = 600 * second;
constexpr int64_t quiet_ns = 300 * second;
constexpr int64_t stop_patience_ns = 200 * second;

/// A caller that asks storage for something now and then, and its breaker, whose record outlives it.
class Calls {
  public:
    explicit Calls(World& world) : world_(world), breaker_(std::make_unique<shm::Breaker>(*record_, rules)) {}

    void caller_started() { breaker_ = std::make_unique<shm::Breaker>(*record_, rules); }
    void storage_started() { breaker_->retry_now(world_.now); }

    void call() {
        const auto before = breaker_->state();
        const auto wait = breaker_->retry_in_ns(world_.now);
        const auto permit = breaker_->allow([&] { return world_.now; });
        if (permit && before == shm::BreakerState::open && wait > 0)
            world_.faults.push_back("an open breaker let a call through");
        if (!permit && before == shm::BreakerState::closed) world_.faults.push_back("a closed breaker refused a call");
        if (!permit) return;
        const auto& store = world_.processes[storage];
        const bool answers = store.exists && !store.hangs && !store.stopped && store.ready_at <= world_.now &&
                             store.starved_until <= world_.now;
        if (world_.storm && world_.chance.one_in(30)) return;  // it died with the call, or forgot it
        if (answers)
            breaker_->succeed(permit, world_.now);
        else
            breaker_->fail(permit, world_.now, world_.chance.share());
    }
    bool adds_up() const {
        const auto& r = *record_;
        return r.allowed.load() >= r.succeeded.load() + r.failed.load() + r.ignored.load() + r.late.load();
    }
    shm::BreakerState state() const { return breaker_->state(); }
    uint64_t trips() const { return record_->trips.load(); }

  private:
    static constexpr shm::BreakerRules rules{
        .failures_max = 5, .open_ns = second, .open_max_ns = 5 * second, .lease_ns = 5 * second};
    World& world_;
    std::unique_ptr<shm::BreakerRecord> record_ = std::make_unique<shm::BreakerRecord>();
    std::unique_ptr<shm::Breaker> breaker_;
};

class Life {
  public:
    explicit Life(uint64_t seed) : world_(seed, workers), crew_(world_, seed), calls_(world_) {
        auto& chance = world_.chance;
        for (const auto kind : kinds) {
            MemberSettings settings;
            settings.restart = {.failures_max = chance.within(1, 12), .probe_ns = 60 * second, .park = {2, 9, -SIGSYS}};
            settings.restart.healthy_after_ns = chance.within(1, 60) * second;
            settings.ready_timeout_ns = chance.within(1, 10) * second;
            settings.heartbeat_timeout_ns = chance.within(3, 10) * second;
            settings.stop_timeout_ns = chance.within(1, 10) * second;
            world_.settings.push_back(settings);
            crew_.add(std::string(name_of(kind)), kind, settings);
        }
    }

    void live() {
        crew_.start_all(world_.now);
        run_until(world_.now + storm_ns);
        if (world_.start_failed_said()) return stop();
        world_.storm = false;
        for (auto& process : world_.processes)
            process.starved_until = std::min(process.starved_until, world_.now + second);
        for (size_t i = 0; i < workers; ++i) command(i, [&] { crew_.pause(i, false, world_.now); });
        for (size_t i = 0; i < workers; ++i) command(i, [&] { crew_.start(i, world_.now); });
        run_until(world_.now + quiet_ns);
        if (world_.start_failed_said()) return stop();
        for (size_t i = 0; i < workers; ++i) {
            if (crew_[i].state != State::running)
                fault(fmt::format("{} does not run after the storm: state {}, due in {} ms", crew_[i].name,
                                  static_cast<int>(crew_[i].state), (crew_[i].deadline_ns - world_.now) / ms));
        }
        if (calls_.state() != shm::BreakerState::closed) fault("the breaker has not closed after the storm");
        stop();
        if (!calls_.adds_up()) fault("the breaker's counters do not add up");
    }

    World& world() { return world_; }
    const Calls& calls() const { return calls_; }
    /// Workers that were dead when the stop began, and came back for what their rings held.
    uint64_t returned() const { return returned_; }

  private:
    void fault(const std::string& text) { world_.faults.push_back(text); }

    void stop() {
        world_.storm = world_.chance.one_in(2);
        if (world_.storm) run_until(world_.now + world_.chance.within(0, 60) * second);
        world_.stop_begun = true;
        std::vector<size_t> absent;  // what is in their rings is to be kept all the same
        for (size_t i = 0; i < workers; ++i) {
            const bool dead = crew_[i].state == State::waiting || crew_[i].state == State::parked;
            if (keeps(kinds[i]) && dead && crew_[i].ever_ready) absent.push_back(i);
        }
        crew_.stop_all(world_.now);
        const auto begun = world_.now;
        const bool hurried = world_.chance.one_in(3);
        returned_ += hurried ? 0 : absent.size();
        if (hurried) {
            run_until(begun + world_.chance.within(0, 5) * second);
            world_.hurried = true;
            crew_.stop_all(world_.now);
        }
        while (!world_.all_stopped_said() && world_.now < begun + stop_patience_ns) run_until(world_.now + second);
        if (!world_.all_stopped_said()) fault("the instance did not stop");
        for (const auto i : absent)
            if (!hurried && world_.asked_in_stop[i] == 0)
                fault(crew_[i].name + " was dead, and did not return to store");
    }

    template <typename Command>
    void command(size_t worker, Command how) {
        world_.commanded(static_cast<int>(worker));
        how();
        world_.commanded(-1);
    }

    void run_until(int64_t end) {
        int turns_without_time = 0;
        while (world_.now < end && (world_.stop_begun || !world_.start_failed_said())) {
            const auto next =
                std::min({end, crew_.next_deadline_ns(), next_look_, next_event(), next_fault_, next_call_});
            turns_without_time = next <= world_.now ? turns_without_time + 1 : 0;
            if (turns_without_time > 1000) return fault("the crew turns on the spot");
            world_.now = std::max(world_.now, next);
            world_.tick();
            turn();
        }
    }

    int64_t next_event() const {
        int64_t next = never;
        for (const auto& process : world_.processes) {
            if (!process.exists) continue;
            for (const auto at : {process.ready_at, process.ends_at, process.gone_at})
                if (at > world_.now) next = std::min(next, at);
            if (process.gone_at <= world_.now) next = world_.now;
        }
        return next;
    }

    void turn() {
        for (size_t i = 0; i < workers; ++i) happen(i);
        crew_.advance(world_.now);
        if (world_.now >= next_look_) look();
        if (world_.now >= next_call_) call();
        if (world_.now >= next_fault_) bring_fault();
    }

    void happen(size_t i) {
        auto& process = world_.processes[i];
        if (!process.exists) return;
        if (process.ends_at <= world_.now && process.gone_at > world_.now && world_.chance.one_in(2))
            crew_.dying(i, world_.now);
        if (process.gone_at <= world_.now) {
            const auto death = process.death;
            process = {};
            return crew_.died(i, death, world_.now);
        }
        const bool can =
            !process.stopped && !process.hangs && process.ends_at > world_.now && process.starved_until <= world_.now;
        if (process.ready_at > world_.now || !can) return;
        const bool news = crew_[i].ready_ns == 0;
        crew_.says(i, WorkerState::running, world_.now);
        if (!news) return;
        process.beat_at = world_.now;
        if (i == storage) calls_.storage_started();
        if (i == caller) calls_.caller_started();
    }

    void look() {
        for (size_t i = 0; i < workers; ++i) crew_.look_at_beat(i, world_.processes[i].beat_at, world_.now);
        next_look_ = std::min(world_.now + HangJudge::calm_look_ns, crew_.next_look_ns());
    }

    void call() {
        next_call_ = world_.now + world_.chance.within(50, 1000) * ms;
        if (crew_[caller].state == State::running) calls_.call();
    }

    void bring_fault() {
        next_fault_ = world_.now + world_.chance.within(10, 20'000) * ms;
        if (!world_.storm || world_.stop_begun) return;
        auto& chance = world_.chance;
        const auto i = static_cast<size_t>(chance.within(0, workers - 1));
        auto& process = world_.processes[i];
        const bool lives = process.exists && !process.ends();
        switch (chance.within(0, 11)) {
            case 0:
                return command(i, [&] { crew_.restart(i, world_.now); });
            case 1:
                return command(i, [&] { crew_.stop(i, world_.now); });
            case 2:
            case 3:
                return command(i, [&] { crew_.start(i, world_.now); });
            case 4:
                return crew_.kill(i, SIGKILL);
            case 5:
                if (lives) crew_.pause(i, !crew_[i].paused, world_.now);
                return;
            case 6:
                return freeze(chance.within(3, 60) * second);
            case 7:
                if (!lives || process.hangs || process.stopped || process.starved_until != 0) return;
                process.hangs = true;
                process.hangs_since = world_.now;
                return;
            case 8:
                if (!lives || process.hangs || process.stopped || process.starved_until != 0) return;
                process.starved_until = world_.now + chance.within(1, 60) * second;
                process.waits_since = world_.now;
                return;
            default:
                if (lives) process.end(world_.now, chance.within(0, 50 * ms), world_.any_death());
        }
    }

    /// The whole tree stands still, the supervisor included: nothing happens, and then all goes on.
    void freeze(int64_t span) {
        const auto resume = world_.now + span;
        for (auto& process : world_.processes) {
            if (process.ready_at != never && process.ready_at > world_.now) process.ready_at += span;
            if (process.ends_at != never && process.ends_at > world_.now) process.ends_at += span;
            if (process.gone_at != never) process.gone_at += span;
            if (process.hangs) process.hangs_since += span;
            if (process.starved_until > world_.now) {
                process.starved_until += span;
                process.waits_since += span;
            }
        }
        world_.now = resume;
        crew_.advance(world_.now);
        look();
    }

    World world_;
    Crew crew_;
    Calls calls_;
    uint64_t returned_ = 0;
    int64_t next_look_ = 0;
    int64_t next_fault_ = 0;
    int64_t next_call_ = 0;
};

}  // namespace
}  // namespace of::supervisor::simulation

using of::supervisor::simulation::Life;

TEST_CASE("five thousand lives of an instance keep every promise") {
    const char* given = std::getenv("OF_SEED");
    const uint64_t first = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
    const uint64_t count = given == nullptr ? 5000 : 1;
    uint64_t verdicts = 0, trips = 0, ended_early = 0, returned = 0;
    for (uint64_t seed = first; seed < first + count; ++seed) {
        Life life(seed);
        life.live();
        INFO("OF_SEED=" << seed << ": " << (life.world().faults.empty() ? "" : life.world().faults.front()));
        REQUIRE(life.world().faults.empty());
        verdicts += life.world().verdicts;
        trips += life.calls().trips();
        returned += life.returned();
        ended_early += life.world().start_failed_said() ? 1 : 0;
    }
    // The storm was one.
    if (given != nullptr) return;
    CHECK(verdicts > 10'000);
    CHECK(trips > 10'000);
    CHECK(ended_early > 100);
    CHECK(returned > 100);
}

TEST_CASE("a life follows from its seed alone") {
    for (uint64_t seed = 1; seed < 20; ++seed) {
        Life first(seed), second(seed);
        first.live();
        second.live();
        REQUIRE(first.world().fingerprint == second.world().fingerprint);
    }
}
