#include "workers/binance/feed.hpp"

#include <fmt/format.h>

#include "shm/random.hpp"
#include "workers/binance/tls.hpp"

namespace of::binance {
namespace {

constexpr ProcessId communication{ProcessKind::communication, 0};
constexpr int64_t refusal_log_every_ns = ns_per_s;
constexpr size_t calls_per_turn = 16;
constexpr int64_t rest_open_ns = 5 * ns_per_s;
constexpr int64_t rest_open_max_ns = 60 * ns_per_s;
constexpr int64_t patience_min_ms = 10'000;  ///< of settings that a tick each second serves well

}  // namespace

Expected<void> Feed::start() {
    metrics_ = std::make_unique<FeedMetrics>(runtime_.metrics());
    return Config::from(values_, runtime_.options().config_path)
        .map([this](Config config) { config_ = std::move(config); })
        .and_then([this] { return open_rings(); })
        .and_then([this] { return open_upstream(); })
        .and_then([this] { return make_lanes(); });
}

Expected<void> Feed::open_rings() {
    auto page = runtime_.page(ChannelKind::book, runtime_.self());
    if (!page) return tl::make_unexpected(page.error());
    page_ = std::make_unique<shm::Segment>(std::move(*page));
    auto ring = runtime_.publisher<128>(ChannelKind::market);
    if (!ring) return tl::make_unexpected(ring.error());
    if (ring->writer().capacity() / 2 < depth_slots_max)
        return fail(ErrorKind::invalid,
                    fmt::format("[rings] market_slots is {}; a depth snapshot of {} slots needs at least 4096",
                                ring->writer().capacity(), depth_slots_max));
    market_ = std::make_unique<MarketPublisher>(std::move(*ring));
    queries_ = std::make_unique<Queries>(runtime_, lanes_);
    auto calls =
        runtime_.call_server(communication, [this](const Call& call, Reply& reply) { queries_->serve(call, reply); });
    if (!calls) return tl::make_unexpected(calls.error());
    calls_ = std::move(*calls);
    return {};
}

Expected<void> Feed::open_upstream() {
    auto tls = make_tls(config_.ca_file);
    if (!tls) return tl::make_unexpected(tls.error());
    tls_ = std::move(*tls);
    auto governor = runtime_.attachment().governor();
    if (!governor) return tl::make_unexpected(governor.error());
    governor_ = std::make_unique<shm::Segment>(std::move(*governor));
    auto* venue = governor_->page<shm::GovernorPage>().claim(venue_of(config_.rest_url));
    if (venue == nullptr) return fail(ErrorKind::no_space, "the governor page has no room for another exchange");
    budget_.emplace(*venue, shm::VenueLimits{});
    const auto limited = [this](int status, int64_t pause_ms) { on_limited(status, pause_ms); };
    // Books wait for snapshots: look again sooner than others do.
    auto rules = runtime_.options().breaker;
    rules.open_ns = std::min(rules.open_ns, rest_open_ns);
    rules.open_max_ns = std::min(rules.open_max_ns, rest_open_max_ns);
    auto& breakers = runtime_.breakers();
    rest_ =
        std::make_unique<Rest>(runtime_.io(), *tls_, config_.rest_url, breakers.add("rest", rules), *budget_, limited);
    const bool elsewhere =
        config_.history_url.origin() + config_.history_url.path != config_.rest_url.origin() + config_.rest_url.path;
    if (elsewhere)
        history_ = std::make_unique<Rest>(runtime_.io(), *tls_, config_.history_url, breakers.add("history", rules),
                                          *budget_, limited);
    repair_ = std::make_unique<Repair>(runtime_, *rest_, history(), config_.repair_ids_max);
    legs_ = std::make_unique<Legs>(runtime_.io(), *tls_, config_, static_cast<LegEvents&>(*this), *budget_,
                                   shm::random_word());
    return {};
}

Expected<void> Feed::make_lanes() {
    auto& page = page_->page<shm::BookPage>();
    std::vector<uint16_t> indices;
    for (const auto& name : config_.symbols) {
        const auto index = page.add(name);
        if (!index)
            return fail(ErrorKind::no_space,
                        fmt::format("the symbol directory holds {} names and has no room for {}; stop the "
                                    "instance and remove its segments",
                                    shm::symbols_max, name));
        indices.push_back(*index);
    }
    // Symbols that are not configured any more keep their index in the directory, but no book.
    for (auto& entry : page.entries)
        entry.state.store(static_cast<uint32_t>(BookState::disconnected), std::memory_order_relaxed);
    const auto tails = read_tail(market_->segment(), market_->tail(), page.symbols.load());
    const LaneContext context{runtime_, *market_, *metrics_, page, *this};
    for (size_t i = 0; i < indices.size(); ++i) {
        lanes_.push_back(std::make_unique<Lane>(context, config_.symbols[i], indices[i], shm::random_word()));
        by_symbol_.emplace(config_.symbols[i], i);
        lanes_.back()->begin(tails[indices[i]]);
    }
    return {};
}

size_t Feed::poll() {
    const auto served = calls_->poll(calls_per_turn);
    legs_->next_turn();
    return served + std::exchange(frames_since_poll_, 0);
}

bool Feed::pending() const { return calls_->ready() || legs_->paused(); }

void Feed::tick(int64_t now_ns) {
    legs_->tick(now_ns);
    int64_t synced = 0;
    for (const auto& lane : lanes_) {
        request_snapshot(*lane, now_ns);
        lane->watch(now_ns, config_.stale_after_ms);
        synced += lane->book().state() == BookState::synced;
    }
    repair_->pump(now_ns);
    metrics_->books_synced.set(synced);
    metrics_->connected.set(legs_->up());
    metrics_->used_weight.set(static_cast<int64_t>(budget_->used(wall_ns())));
    metrics_->limited_ms.set(budget_->shut_for_ns(now_ns) / ns_per_ms);
}

/// A silent or broken connection is to be found within its limit, however short.
bool Feed::calm() const {
    const bool patient = config_.dead_after_ms >= patience_min_ms && config_.stale_after_ms >= patience_min_ms;
    const bool whole =
        std::ranges::all_of(lanes_, [](const auto& lane) { return lane->book().state() == BookState::synced; });
    return patient && whole && legs_->steady() && repair_->waiting() == 0;
}

void Feed::drain() {
    legs_->close();
    rest_->stop();
    if (history_) history_->stop();
}

void Feed::on_connecting(uint32_t attempt) {
    const auto cause = runtime_.next_correlation();
    if (attempt > 1 || was_connected_) metrics_->reconnects.add();
    runtime_.log().write(log_event::line_connecting, cause, config_.line.url.origin(), attempt);
    market_->stream_event(no_symbol, StreamState::connecting, attempt, 0, config_.line.url.authority(), cause);
}

void Feed::on_up() {
    const auto cause = runtime_.next_correlation();
    was_connected_ = true;
    runtime_.log().write(log_event::line_connected, cause, config_.line.url.origin(),
                         lanes_.size() * std::size(stream_kinds));
    market_->stream_event(no_symbol, StreamState::connected, 0, 0, config_.line.url.authority(), cause);
    for (const auto& lane : lanes_) lane->on_connect(mono_ns());
}

void Feed::on_held(int64_t wait_ms) {
    runtime_.log().write(log_event::line_held, runtime_.next_correlation(), config_.line.url.origin(),
                         static_cast<uint64_t>(wait_ms));
}

void Feed::on_down(const std::string& reason, uint32_t attempt, int64_t delay_ms) {
    const auto cause = runtime_.next_correlation();
    runtime_.log().write(log_event::line_lost, cause, config_.line.url.origin(), reason,
                         static_cast<uint64_t>(delay_ms));
    market_->stream_event(no_symbol, StreamState::disconnected, attempt, delay_ms, reason, cause);
    for (const auto& lane : lanes_) lane->on_disconnect(cause);
}

void Feed::on_rotated() {
    const auto cause = runtime_.next_correlation();
    metrics_->rotations.add();
    runtime_.log().write(log_event::line_rotated, cause, config_.line.url.origin());
}

int Feed::on_leg_frame(std::string_view text, int64_t wall_ns, int64_t mono_ns, bool overlapping) {
    ++frames_since_poll_;
    metrics_->frames_received.add();
    const auto cause = runtime_.next_correlation();
    const Mark mark{cause, wall_ns, mono_ns, runtime_.trace().sampled(cause)};
    const auto frame = decoder_.decode(text);
    if (!frame) {
        refuse(text, frame.error(), mark);
        return -1;
    }
    return dispatch(**frame, mark, overlapping);
}

int Feed::dispatch(const Frame& frame, const Mark& mark, bool overlapping) {
    if (frame.kind == FrameKind::server_shutdown) {
        on_server_shutdown(mark);
        return -1;
    }
    const auto found = frame.kind <= FrameKind::depth ? by_symbol_.find(frame.symbol) : by_symbol_.end();
    if (found == by_symbol_.end()) {
        if (frame.kind != FrameKind::answer) metrics_->frames_unknown.add();
        return -1;
    }
    auto& lane = *lanes_[found->second];
    if (overlapping && !lane.continues(frame)) return -1;
    lane.on_frame(frame, mark);
    if (lane.book().state() != BookState::synced) request_snapshot(lane, mark.mono_ns);
    return frame.kind == FrameKind::depth ? static_cast<int>(found->second) : -1;
}

void Feed::refuse(std::string_view text, std::string_view reason, const Mark& mark) {
    metrics_->frames_refused.add();
    if (mark.sampled)
        runtime_.trace().hop(mark.correlation, Hop::refused, mark.mono_ns, static_cast<int64_t>(text.size()), 0);
    if (mark.mono_ns - refusal_logged_ns_ < refusal_log_every_ns) return;  // the counter has them all
    refusal_logged_ns_ = mark.mono_ns;
    runtime_.log().write(log_event::frame_refused, mark.correlation, text.size(), reason, text.substr(0, 96));
}

void Feed::on_server_shutdown(const Mark& mark) {
    runtime_.log().write(log_event::line_server_shutdown, mark.correlation);
    market_->stream_event(no_symbol, StreamState::server_shutdown, 0, 0, config_.line.url.authority(),
                          mark.correlation);
    legs_->rotate(mark.mono_ns);
}

void Feed::on_gap(const Gap& gap) {
    if (config_.repair) repair_->add(gap);
}

void Feed::request_snapshot(Lane& lane, int64_t now_ns) {
    const auto ticket = lane.book().take_request(now_ns);
    if (!ticket) return;
    metrics_->snapshots_requested.add();
    const auto cause = runtime_.next_correlation();
    runtime_.trace().hop(cause, Hop::called, now_ns, lane.book().buffer_first_id(), 0, lane.index());
    const auto target =
        fmt::format("/api/v3/depth?symbol={}&limit={}", percent_encode(lane.name()), config_.snapshot_limit);
    rest_->get({.target = target, .weight = depth_weight(config_.snapshot_limit), .urgent = true, .cause = cause},
               [this, &lane, ticket = *ticket, cause](RestAnswer& answer) {
                   on_snapshot_answer(lane, ticket, cause, answer);
               });
}

void Feed::on_snapshot_answer(Lane& lane, uint64_t ticket, CorrelationId cause, RestAnswer& answer) {
    const Mark mark{cause, wall_ns(), mono_ns(), true};
    const auto snapshot = answer.ok() ? rest_decoder_.snapshot(answer.body) : fail(ErrorKind::failed, answer.error);
    auto& book = lane.book();
    if (!snapshot) {
        book.on_failure(ticket, mark.mono_ns);
        const auto wait_ms = std::max<int64_t>(0, book.request_at_ns() - mark.mono_ns) / ns_per_ms;
        runtime_.log().write(log_event::snapshot_failed, cause, lane.name(), snapshot.error().message,
                             static_cast<uint64_t>(wait_ms));
        return;
    }
    const auto first_id = book.buffer_first_id();
    const auto joined = lane.on_snapshot(ticket, *snapshot, mark);
    if (joined == BookSync::Joined::stale)
        runtime_.log().write(log_event::snapshot_stale, cause, lane.name(), snapshot->last_id, first_id);
    runtime_.trace().hop(cause, Hop::answered, mono_ns(), snapshot->last_id, 0, lane.index());
}

void Feed::on_limited(int status, int64_t pause_ms) {
    runtime_.log().write(log_event::rest_limited, runtime_.next_correlation(), static_cast<uint64_t>(status),
                         static_cast<uint64_t>(pause_ms));
}

}  // namespace of::binance
