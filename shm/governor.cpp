#include "shm/governor.hpp"

#include <algorithm>

namespace of::shm {
namespace {

constexpr int64_t minute_ns = 60'000'000'000;
constexpr int64_t ban_max_ns = 3 * 24 * 60 * minute_ns;
constexpr uint64_t weight_bits = 24;
constexpr uint64_t weight_max = (uint64_t{1} << weight_bits) - 1;

uint64_t minute_of(int64_t wall_ns) {
    return static_cast<uint64_t>(wall_ns / minute_ns) & (~uint64_t{0} >> weight_bits);
}
uint64_t weight_in(uint64_t spent, uint64_t minute) { return spent >> weight_bits == minute ? spent & weight_max : 0; }
uint64_t word_of(uint64_t minute, uint64_t weight) { return minute << weight_bits | std::min(weight, weight_max); }

/// later - earlier where that is positive, at most `most`: the page may hold times that no clock has shown.
int64_t ahead(int64_t later, int64_t earlier, int64_t most) {
    if (later <= earlier) return 0;
    const auto difference = static_cast<uint64_t>(later) - static_cast<uint64_t>(earlier);
    return static_cast<int64_t>(std::min(difference, static_cast<uint64_t>(most)));
}

}  // namespace

int64_t VenueBudget::take(uint64_t weight, bool urgent, Moment now) {
    if (const auto shut = shut_for_ns(now.mono_ns); shut > 0) return shut;
    const auto minute = minute_of(now.wall_ns);
    const auto ceiling = urgent ? limits_.weight : limits_.weight - limits_.reserve;
    auto seen = record_->spent.load(std::memory_order_relaxed);
    do {
        if (weight_in(seen, minute) + weight > ceiling) return minute_ns - now.wall_ns % minute_ns;
    } while (!record_->spent.compare_exchange_weak(seen, word_of(minute, weight_in(seen, minute) + weight),
                                                   std::memory_order_relaxed));
    record_->granted.fetch_add(1, std::memory_order_relaxed);
    record_->weight.fetch_add(weight, std::memory_order_relaxed);
    return 0;
}

void VenueBudget::told(uint64_t used, int64_t wall_ns) {
    const auto minute = minute_of(wall_ns);
    auto seen = record_->spent.load(std::memory_order_relaxed);
    while (weight_in(seen, minute) < std::min(used, weight_max) &&
           !record_->spent.compare_exchange_weak(seen, word_of(minute, used), std::memory_order_relaxed)) {
    }
}

void VenueBudget::shut(uint32_t status, int64_t until_ns) {
    record_->limited.fetch_add(1, std::memory_order_relaxed);
    auto seen = record_->shut_until_ns.load(std::memory_order_relaxed);
    while (seen < until_ns &&
           !record_->shut_until_ns.compare_exchange_weak(seen, until_ns, std::memory_order_relaxed)) {
    }
    if (seen < until_ns) record_->shut_status.store(status, std::memory_order_relaxed);
}

uint64_t VenueBudget::used(int64_t wall_ns) const {
    return weight_in(record_->spent.load(std::memory_order_relaxed), minute_of(wall_ns));
}

int64_t VenueBudget::shut_for_ns(int64_t mono_ns) const {
    return ahead(record_->shut_until_ns.load(std::memory_order_relaxed), mono_ns, ban_max_ns);
}

/// What of the bucket is spent, as the time that refills it.
int64_t VenueBudget::connections_spent_ns(int64_t mono_ns) const {
    const auto whole = static_cast<int64_t>(limits_.connection_burst) * limits_.connection_every_ns;
    return ahead(record_->connections_ns.load(std::memory_order_relaxed), mono_ns, whole);
}

int64_t VenueBudget::take_connection(int64_t mono_ns) {
    const auto whole = static_cast<int64_t>(limits_.connection_burst) * limits_.connection_every_ns;
    auto seen = record_->connections_ns.load(std::memory_order_relaxed);
    int64_t spent = 0;
    do {
        spent = ahead(seen, mono_ns, whole);
        if (spent + limits_.connection_every_ns > whole) return spent + limits_.connection_every_ns - whole;
    } while (!record_->connections_ns.compare_exchange_weak(seen, mono_ns + spent + limits_.connection_every_ns,
                                                            std::memory_order_relaxed));
    record_->connections.fetch_add(1, std::memory_order_relaxed);
    return 0;
}

uint64_t VenueBudget::connections_left(int64_t mono_ns) const {
    const auto spent = static_cast<uint64_t>(connections_spent_ns(mono_ns) + limits_.connection_every_ns - 1);
    return limits_.connection_burst -
           std::min(limits_.connection_burst, spent / static_cast<uint64_t>(limits_.connection_every_ns));
}

}  // namespace of::shm
