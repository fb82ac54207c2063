#include "tests/exchange/hub.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tests/exchange/clock.hpp"
#include "tests/exchange/malformed.hpp"
#include "tests/exchange/ws_codec.hpp"

namespace of::exchange {

namespace {

constexpr auto watch_period = std::chrono::milliseconds(5);

void count(std::vector<uint64_t>& counters, StreamId stream) {
    if (counters.size() <= stream) counters.resize(stream + 1);
    ++counters[stream];
}

bool matches(const std::string& pattern, const std::string& name) { return pattern == "*" || pattern == name; }

}  // namespace

Hub::Hub(boost::asio::io_context& io, const StreamTable& streams, FaultPlan& plan, bool verbose)
    : io_(io), streams_(streams), plan_(plan), verbose_(verbose), watch_timer_(io) {}

void Hub::say(std::string_view line) const {
    if (verbose_) fmt::print(stderr, "of-exchange: {}\n", line);
}

/// Over a copy: an action may end a client, and so change the list.
template <class Action>
void Hub::each_client(Action&& action) {
    const auto clients = clients_;
    for (const auto& client : clients) action(*client);
}

void Hub::add(std::shared_ptr<Client> client) {
    ++accepted_;
    clients_.push_back(std::move(client));
    say(fmt::format("client {} connected, {} now", accepted_, clients_.size()));
}

void Hub::remove(const Client* client, std::string_view reason) {
    const auto at =
        std::find_if(clients_.begin(), clients_.end(), [&](const auto& each) { return each.get() == client; });
    if (at == clients_.end()) return;
    const auto kept = *at;  // the caller may be the last holder
    clients_.erase(at);
    ++disconnects_[std::string(reason)];
    say(fmt::format("client gone ({}), {} now", reason, clients_.size()));
    if (on_progress) on_progress();
}

void Hub::subscriptions_changed() {
    const bool any = std::any_of(clients_.begin(), clients_.end(), [](const auto& each) { return each->wants_any(); });
    if (any && on_subscribed) on_subscribed();
    if (on_progress) on_progress();
}

void Hub::publish(const FramePtr& frame) {
    ++played_total_;
    count(played_, frame->stream);
    if (plan_.empty() && reordered_.empty()) return route(frame);
    const FrameAction action = plan_.on_frame(streams_.name(frame->stream), steady_ms());
    if (action != FrameAction::pass) say(fmt::format("fault on a frame of {}", streams_.name(frame->stream)));
    run_events();
    if (action == FrameAction::drop) return;
    if (action == FrameAction::reorder && reordered_.try_emplace(frame->stream, frame).second) return;
    if (action == FrameAction::malformed) send_malformed(*frame);
    route(frame);
    if (action == FrameAction::duplicate) route(frame);
    if (auto earlier = reordered_.extract(frame->stream)) route(earlier.mapped());
}

void Hub::route(const FramePtr& frame) {
    const auto stall = std::find_if(stalls_.begin(), stalls_.end(), [&](const Stall& each) {
        return matches(each.stream, streams_.name(frame->stream));
    });
    if (stall == stalls_.end()) return send(frame);
    if (held() >= held_frames_max) {
        ++held_lost_;
        return;
    }
    stall->held.push_back(frame);
}

void Hub::send(const FramePtr& frame) {
    for (size_t i = 0; i < clients_.size();) {
        const auto client = clients_[i];
        if (client->wants(frame->stream)) client->deliver(frame);
        // A client whose queue overflowed has left the list, and the next one stands in its place.
        if (i < clients_.size() && clients_[i] == client) ++i;
    }
}

void Hub::send_malformed(const Frame& like) {
    send(make_malformed(like.stream, streams_.name(like.stream), like.text, malformed_++));
}

void Hub::flush() {
    each_client([](Client& client) { client.flush(); });
}

void Hub::settle() {
    for (const auto& [stream, frame] : std::exchange(reordered_, {})) route(frame);
    flush();
}

size_t Hub::held() const {
    size_t frames = reordered_.size();
    for (const Stall& stall : stalls_) frames += stall.held.size();
    return frames;
}

bool Hub::idle() const {
    return held() == 0 && std::all_of(clients_.begin(), clients_.end(), [](const auto& each) { return each->idle(); });
}

bool Hub::has_room() const {
    bool somebody = false;
    for (const auto& client : clients_) {
        if (!client->wants_any()) continue;
        if (client->queued_bytes() >= room_bytes) return false;
        somebody = true;
    }
    return somebody && held() < held_frames_max / 2;
}

void Hub::note_sent(Frame& frame) {
    if (std::exchange(frame.sent, true)) return;
    count(sent_, frame.stream);
}

void Hub::arm() {
    if (watching_ || (plan_.empty() && stalls_.empty())) return;
    watching_ = true;
    watch();
}

void Hub::watch() {
    watch_timer_.expires_after(watch_period);
    watch_timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        run_events();
        release_stalls();
        watching_ = !plan_.empty() || !stalls_.empty();
        if (watching_) watch();
    });
}

void Hub::run_events() {
    if (clients_.empty()) return;
    while (const auto event = plan_.next_event(steady_ms())) strike(*event);
}

void Hub::strike(const FaultEvent& event) {
    say(fmt::format("fault {} on {} for {} ms", fault_name(event.kind), event.stream, event.ms));
    switch (event.kind) {
        case FaultKind::stall:
            stalls_.push_back({event.stream, steady_ms() + event.ms, {}});
            return;
        case FaultKind::server_shutdown:
            return shut_down_clients(event.ms);
        case FaultKind::slow_read:
            return each_client([&](Client& client) { client.pause_reading(event.ms); });
        default:
            return each_client([](Client& client) { client.cut("cut by a fault"); });
    }
}

void Hub::shut_down_clients(int64_t ms) {
    const std::string data = fmt::format(R"({{"e":"serverShutdown","E":{}}})", wall_us() / 1000);
    std::vector<std::weak_ptr<Client>> told(clients_.begin(), clients_.end());
    each_client([&](Client& client) {
        client.deliver_event("!serverShutdown", data);
        client.flush();
    });
    auto timer = std::make_shared<boost::asio::steady_timer>(io_, std::chrono::milliseconds(ms));
    timer->async_wait([told = std::move(told), timer](boost::system::error_code) {
        for (const auto& each : told) {
            if (const auto client = each.lock()) client->close(ws::close_going_away, "server shutdown");
        }
    });
}

void Hub::release_stalls() {
    const int64_t now_ms = steady_ms();
    const auto over = std::stable_partition(stalls_.begin(), stalls_.end(),
                                            [&](const Stall& stall) { return stall.until_ms > now_ms; });
    std::vector<Stall> ended(std::make_move_iterator(over), std::make_move_iterator(stalls_.end()));
    stalls_.erase(over, stalls_.end());
    for (const Stall& stall : ended) {
        for (const auto& frame : stall.held) route(frame);
    }
    if (ended.empty()) return;
    flush();
    if (on_progress) on_progress();
}

}  // namespace of::exchange
