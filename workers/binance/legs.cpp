#include "workers/binance/legs.hpp"

#include <algorithm>

#include "workers/runtime/clock.hpp"

namespace of::binance {

Legs::Legs(boost::asio::io_context& io, boost::asio::ssl::context& tls, const Config& config, LegEvents& events,
           shm::VenueBudget budget, uint64_t seed)
    : io_(io), tls_(tls), config_(config), events_(events), budget_(budget), chance_(seed), timer_(io) {}

Legs::LegPtr Legs::make_leg() { return std::make_unique<Leg>(*this, io_, tls_, config_.line); }

void Legs::connect() {
    if (closing_) return;
    if (const auto wait_ns = budget_.take_connection(mono_ns()); wait_ns > 0) {
        events_.on_held(wait_ns / ns_per_ms);
        return connect_after(std::chrono::nanoseconds(wait_ns));
    }
    if (main_) retired_.push_back(std::move(main_));  // this may run inside one of its callbacks
    main_ = make_leg();
    events_.on_connecting(attempt_ + 1);
    main_->line.connect(*main_);
}

void Legs::rotate(int64_t now_ns) {
    if (closing_ || young_ || !up()) return;
    rotate_at_ns_ = now_ns + rotate_retry_ns;  // moved on when the younger one opens
    if (budget_.take_connection(now_ns) > 0) return;
    young_ = make_leg();
    young_->carried.assign(config_.symbols.size(), false);
    young_->line.connect(*young_);
}

void Legs::on_connected(Leg& leg) {
    leg.opened_ns = mono_ns();
    rotate_at_ns_ = config_.rotate_after_s == 0 ? 0 : leg.opened_ns + config_.rotate_after_s * ns_per_s;
    if (&leg == main_.get()) events_.on_up();
}

void Legs::on_frame(Leg& leg, std::string_view text, int64_t wall_ns, int64_t mono_ns) {
    const bool overlapping = &leg == young_.get();
    const auto symbol = events_.on_leg_frame(text, wall_ns, mono_ns, overlapping);
    if (overlapping && symbol >= 0) leg.carried[static_cast<size_t>(symbol)] = true;
}

void Legs::on_lost(Leg& leg, const std::string& reason, int64_t retry_after_ms) {
    if (&leg == young_.get()) {
        retired_.push_back(std::move(young_));
        rotate_at_ns_ = mono_ns() + std::max(rotate_retry_ns, retry_after_ms * ns_per_ms);
        return;
    }
    if (&leg != main_.get()) return;
    if (young_ && young_->line.open()) return take_over();
    retired_.push_back(std::move(young_));  // still connecting: one attempt at a time, from the start
    reconnect_later(reason, retry_after_ms, leg.opened_ns);
}

void Legs::reconnect_later(const std::string& reason, int64_t retry_after_ms, int64_t opened_ns) {
    if (opened_ns != 0 && mono_ns() - opened_ns >= healthy_ns) attempt_ = 0;
    const auto delay_ms =
        std::max(retry_after_ms, full_jitter(config_.reconnect_min_ms, config_.reconnect_max_ms, attempt_, chance_));
    ++attempt_;
    events_.on_down(reason, attempt_, delay_ms);
    if (!closing_) connect_after(std::chrono::milliseconds(delay_ms));
}

void Legs::connect_after(std::chrono::nanoseconds delay) {
    timer_.expires_after(delay);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) connect();
    });
}

void Legs::take_over() {
    main_->line.close();
    retired_.push_back(std::move(main_));
    main_ = std::move(young_);
    events_.on_rotated();
}

bool Legs::overlap_is_over(int64_t now_ns) const {
    if (!young_ || !young_->line.open()) return false;
    const auto age = now_ns - young_->opened_ns;
    const bool all = std::ranges::all_of(young_->carried, [](bool carried) { return carried; });
    return age >= overlap_max_ns || (all && age >= overlap_min_ns);
}

void Legs::tick(int64_t now_ns) {
    if (overlap_is_over(now_ns)) take_over();
    if (rotate_at_ns_ != 0 && now_ns >= rotate_at_ns_) rotate(now_ns);
    for (auto* leg : {main_.get(), young_.get()}) {
        if (leg == nullptr || !leg->line.open()) continue;
        const auto silent_ms = (now_ns - leg->line.last_activity_ns()) / ns_per_ms;
        if (silent_ms >= config_.dead_after_ms)
            leg->line.fail("no frame of any kind for " + std::to_string(silent_ms) + " ms");
    }
    std::erase_if(retired_, [](const LegPtr& leg) { return !leg || leg->line.closed(); });
}

void Legs::close() {
    closing_ = true;
    timer_.cancel();
    for (auto* leg : {main_.get(), young_.get()}) {
        if (leg != nullptr) leg->line.close();
    }
}

bool Legs::closed() const {
    const auto is_closed = [](const LegPtr& leg) { return !leg || leg->line.closed(); };
    return is_closed(main_) && is_closed(young_) && std::ranges::all_of(retired_, is_closed);
}

bool Legs::next_turn() {
    const bool main_paused = main_ && main_->line.next_turn();
    const bool young_paused = young_ && young_->line.next_turn();
    return main_paused || young_paused;
}

bool Legs::paused() const { return (main_ && main_->line.paused()) || (young_ && young_->line.paused()); }

}  // namespace of::binance
