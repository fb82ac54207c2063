#include "shm/breaker.hpp"

#include <algorithm>

namespace of::shm {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

void bump(std::atomic<uint64_t>& counter) { counter.store(counter.load(relaxed) + 1, relaxed); }

/// later - earlier, at the limit where it does not fit: the page may hold times that no clock has shown.
int64_t since(int64_t later, int64_t earlier) {
    int64_t difference = 0;
    if (!__builtin_sub_overflow(later, earlier, &difference)) return difference;
    return earlier < 0 ? INT64_MAX : INT64_MIN;
}

BreakerRules bounded(BreakerRules rules) {
    rules.failures_max = std::min<uint32_t>(rules.failures_max, breaker_failures_max);
    rules.probes = std::clamp<uint32_t>(rules.probes, 1, breaker_leases_max);
    rules.window_ns = std::max<int64_t>(rules.window_ns, breaker_buckets);
    rules.open_max_ns = std::max(rules.open_max_ns, rules.open_ns);
    rules.healthy_ns = std::max<int64_t>(rules.healthy_ns, 1);
    return rules;
}

}  // namespace

std::string_view name_of(BreakerState state) {
    constexpr std::array names{"closed", "open", "half-open", "forced-open", "forced-closed"};
    const auto index = static_cast<size_t>(state);
    return index < names.size() ? names[index] : "unknown";
}

Breaker::Breaker(BreakerRecord& record, const BreakerRules& rules) : record_(record), rules_(bounded(rules)) {
    record_.window_ns.store(rules_.window_ns, relaxed);
    record_.open_ns.store(rules_.open_ns, relaxed);
    record_.open_max_ns.store(rules_.open_max_ns, relaxed);
    record_.failures_max.store(rules_.failures_max, relaxed);
    record_.rate_percent.store(rules_.rate_percent, relaxed);
    record_.calls_min.store(rules_.calls_min, relaxed);
    record_.probes.store(rules_.probes, relaxed);
    if (record_.state.load(relaxed) > static_cast<uint32_t>(BreakerState::forced_closed))
        enter(BreakerState::closed, 0);
    give_back_leases(INT64_MAX);
}

BreakerState Breaker::state() const { return static_cast<BreakerState>(record_.state.load(relaxed)); }

int64_t Breaker::open_time_ns(const BreakerRules& rules, uint32_t trips_in_row) {
    auto time = rules.open_ns;
    for (; trips_in_row > 0 && time < rules.open_max_ns; --trips_in_row)
        time = time > INT64_MAX / 2 ? INT64_MAX : time * 2;
    return std::min(time, rules.open_max_ns);
}

int64_t Breaker::retry_in_ns(int64_t now_ns) const {
    if (state() == BreakerState::open) return std::max<int64_t>(0, since(record_.retry_ns.load(relaxed), now_ns));
    if (state() == BreakerState::forced_open) {
        const auto until = record_.forced_until_ns.load(relaxed);
        return until == 0 ? INT64_MAX : std::max<int64_t>(0, since(until, now_ns));
    }
    return 0;
}

Permit Breaker::allow_slowly(int64_t now_ns) {
    end_force(now_ns);
    if (state() == BreakerState::open && now_ns >= record_.retry_ns.load(relaxed))
        enter(BreakerState::half_open, now_ns);
    if (state() == BreakerState::closed || state() == BreakerState::forced_closed) return pass(0);
    const auto permit = state() == BreakerState::half_open ? probe(now_ns) : Permit{};
    if (!permit) bump(record_.refused);
    return permit;
}

/// A probe is let through while those that have succeeded and those on their way are fewer than wanted.
Permit Breaker::probe(int64_t now_ns) {
    give_back_leases(now_ns);
    auto spoken_for = record_.probes_succeeded.load(relaxed);
    BreakerLease* free = nullptr;
    for (auto& lease : record_.leases) {
        if (lease.until_ns.load(relaxed) != 0) {
            ++spoken_for;
        } else if (free == nullptr) {
            free = &lease;
        }
    }
    if (free == nullptr || spoken_for >= rules_.probes) return {};
    bump(record_.lease_ids);
    const auto id = record_.lease_ids.load(relaxed);
    free->id.store(id, relaxed);
    free->until_ns.store(now_ns + std::max<int64_t>(rules_.lease_ns, 1), relaxed);
    return pass(id);
}

/// Whether the result still counts; ends the lease of a probe.
bool Breaker::refer(const Permit& permit, std::atomic<uint64_t>& counter) {
    bool counts = permit.allowed && permit.generation == record_.generation.load(relaxed);
    if (counts && permit.lease != 0) {
        const auto lease = std::ranges::find_if(record_.leases, [&](const BreakerLease& held) {
            return held.until_ns.load(relaxed) != 0 && held.id.load(relaxed) == permit.lease;
        });
        counts = lease != record_.leases.end();
        if (counts) lease->until_ns.store(0, relaxed);
    }
    bump(counts ? counter : record_.late);
    return counts;
}

void Breaker::succeed(const Permit& permit, int64_t now_ns) {
    if (!refer(permit, record_.succeeded)) return;
    if (state() == BreakerState::closed) return note_call(now_ns, false);
    if (state() != BreakerState::half_open) return;
    const auto succeeded = record_.probes_succeeded.load(relaxed) + 1;
    record_.probes_succeeded.store(succeeded, relaxed);
    if (succeeded >= rules_.probes) close(now_ns);
}

void Breaker::fail(const Permit& permit, int64_t now_ns, double chance) {
    if (!refer(permit, record_.failed)) return;
    if (state() == BreakerState::half_open) return open(now_ns, chance);
    if (state() != BreakerState::closed) return;
    const auto at = record_.failures_at.load(relaxed);
    record_.failure_ns[at % breaker_failures_max].store(now_ns, relaxed);
    record_.failures_at.store(at + 1, relaxed);
    note_call(now_ns, true);
    if (must_trip(now_ns)) open(now_ns, chance);
}

void Breaker::ignore(const Permit& permit) { refer(permit, record_.ignored); }

/// Also without the rule: whoever looks wants to know the rate.
void Breaker::note_call(int64_t now_ns, bool failed) {
    const auto epoch = now_ns / (rules_.window_ns / static_cast<int64_t>(breaker_buckets));
    auto& bucket = record_.buckets[static_cast<uint64_t>(epoch) % breaker_buckets];
    if (bucket.epoch.load(relaxed) != epoch) {
        bucket.calls.store(0, relaxed);
        bucket.failures.store(0, relaxed);
        bucket.epoch.store(epoch, relaxed);
    }
    bump(bucket.calls);
    if (failed) bump(bucket.failures);
}

bool Breaker::must_trip(int64_t now_ns) const {
    const auto failures = record_.failures_at.load(relaxed);
    if (rules_.failures_max != 0 && failures >= rules_.failures_max) {
        const auto first = record_.failure_ns[(failures - rules_.failures_max) % breaker_failures_max].load(relaxed);
        if (since(now_ns, first) < rules_.window_ns) return true;
    }
    if (rules_.rate_percent == 0) return false;
    const auto epoch = now_ns / (rules_.window_ns / static_cast<int64_t>(breaker_buckets));
    uint64_t calls = 0;
    uint64_t failed = 0;
    for (const auto& bucket : record_.buckets) {
        if (since(epoch, bucket.epoch.load(relaxed)) >= static_cast<int64_t>(breaker_buckets)) continue;
        calls += bucket.calls.load(relaxed);
        failed += bucket.failures.load(relaxed);
    }
    return calls >= rules_.calls_min && failed * 100 >= calls * rules_.rate_percent;
}

void Breaker::open(int64_t now_ns, double chance) {
    auto in_row = record_.trips_in_row.load(relaxed);
    if (state() == BreakerState::closed) {
        const auto healthy = since(now_ns, record_.since_ns.load(relaxed)) / rules_.healthy_ns;
        in_row -= static_cast<uint32_t>(std::clamp<int64_t>(healthy, 0, in_row));
    }
    const auto time = open_time_ns(rules_, in_row);
    const auto jitter = static_cast<double>(time) * rules_.jitter_percent / 100.0 * (2 * chance - 1);
    record_.retry_ns.store(now_ns + time + static_cast<int64_t>(jitter), relaxed);
    record_.trips_in_row.store(in_row == UINT32_MAX ? in_row : in_row + 1, relaxed);
    bump(record_.trips);
    enter(BreakerState::open, now_ns);
}

void Breaker::close(int64_t now_ns) {
    forget_failures();
    enter(BreakerState::closed, now_ns);
}

/// The state is stored last: who dies before has at worst thrown away the results that were on their way.
void Breaker::enter(BreakerState state, int64_t now_ns) {
    for (auto& lease : record_.leases) lease.until_ns.store(0, relaxed);
    record_.probes_succeeded.store(0, relaxed);
    record_.generation.store(record_.generation.load(relaxed) + 1, relaxed);
    record_.since_ns.store(now_ns, relaxed);
    record_.state.store(static_cast<uint32_t>(state), std::memory_order_release);
}

void Breaker::forget_failures() {
    record_.failures_at.store(0, relaxed);
    for (auto& bucket : record_.buckets) bucket.epoch.store(-1'000'000, relaxed);
}

void Breaker::give_back_leases(int64_t before_ns) {
    for (auto& lease : record_.leases) {
        const auto until = lease.until_ns.load(relaxed);
        if (until == 0 || until > before_ns) continue;
        lease.until_ns.store(0, relaxed);
        bump(record_.leases_lost);
    }
}

void Breaker::end_force(int64_t now_ns) {
    const bool forced = state() == BreakerState::forced_open || state() == BreakerState::forced_closed;
    const auto until = record_.forced_until_ns.load(relaxed);
    if (forced && until != 0 && now_ns >= until) close(now_ns);
}

void Breaker::retry_now(int64_t now_ns) {
    if (state() == BreakerState::open) record_.retry_ns.store(now_ns, relaxed);
}

void Breaker::trip(int64_t now_ns, double chance) { open(now_ns, chance); }

void Breaker::reset(int64_t now_ns) {
    record_.trips_in_row.store(0, relaxed);
    close(now_ns);
}

void Breaker::force(bool open, int64_t now_ns, int64_t until_ns) {
    record_.forced_until_ns.store(until_ns, relaxed);
    enter(open ? BreakerState::forced_open : BreakerState::forced_closed, now_ns);
}

}  // namespace of::shm
