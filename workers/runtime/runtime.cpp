#include "workers/runtime/runtime.hpp"

#include "proto/control.hpp"
#include "shm/life.hpp"

namespace of {

Expected<std::unique_ptr<Runtime>> Runtime::attach(const WorkerOptions& options) {
    auto attachment = Attachment::open(options);
    if (!attachment) return tl::make_unexpected(attachment.error());
    std::unique_ptr<Runtime> runtime(new Runtime(options, std::move(*attachment)));
    if (auto opened = runtime->open_own_channels(); !opened) return tl::make_unexpected(opened.error());
    return runtime;
}

Expected<void> Runtime::open_own_channels() {
    auto& own = slot().own;
    incarnation_ = slot().desk.incarnation.load(std::memory_order_acquire);
    own.heartbeat_ns.store(mono_ns(), std::memory_order_relaxed);
    own.ready_ns.store(0, std::memory_order_relaxed);
    own.messages.store(0, std::memory_order_relaxed);
    own.turns.store(0, std::memory_order_relaxed);
    own.longest_turn_ns.store(0, std::memory_order_relaxed);
    own.overruns.store(0, std::memory_order_relaxed);
    own.config_generation.store(options_.config_generation, std::memory_order_relaxed);
    correlations_ = std::make_unique<CorrelationSource>(self(), static_cast<uint16_t>(incarnation_));
    auto log = publisher<256>(ChannelKind::log);
    if (!log) return tl::make_unexpected(log.error());
    auto trace = publisher<64>(ChannelKind::trace);
    if (!trace) return tl::make_unexpected(trace.error());
    auto metrics = page(ChannelKind::metrics, self());
    if (!metrics) return tl::make_unexpected(metrics.error());
    auto breakers = page(ChannelKind::breaker, self());
    if (!breakers) return tl::make_unexpected(breakers.error());
    auto errors = page(ChannelKind::error, self());
    if (!errors) return tl::make_unexpected(errors.error());
    auto events = sender(ChannelKind::event, supervisor_process);
    if (!events) return tl::make_unexpected(events.error());
    error_segment_.emplace(std::move(*errors));
    trace_ = std::make_unique<Trace>(std::move(*trace), options_.trace_sample);
    log_ = std::make_unique<Log>(std::move(*log), &error_segment_->page<shm::ErrorPage>(), trace_.get());
    metrics_ = std::make_unique<Metrics>(std::move(*metrics), *correlations_);
    breakers_ = std::make_unique<Breakers>(std::move(*breakers), BreakerOwner{*log_, *metrics_, *correlations_});
    events_ = std::make_unique<Sender<128>>(std::move(*events));
    set_state(WorkerState::attaching);
    return {};
}

Expected<Sender<128>> Runtime::sender(ChannelKind kind, ProcessId reader) {
    return attachment_.segment(kind, self(), reader, shm::Access::read_write).map([&](shm::Segment segment) {
        return Sender<128>(std::move(segment), self(), attachment_.doorbells(kind, self(), reader));
    });
}

Expected<Receiver<128>> Runtime::receiver(ChannelKind kind, ProcessId writer) {
    return attachment_.segment(kind, writer, self(), shm::Access::read_write).map([](shm::Segment segment) {
        return Receiver<128>(std::move(segment));
    });
}

Expected<std::unique_ptr<Caller>> Runtime::caller(ProcessId server) {
    auto calls = sender(ChannelKind::call, server);
    if (!calls) return tl::make_unexpected(calls.error());
    auto replies = receiver(ChannelKind::reply, server);
    if (!replies) return tl::make_unexpected(replies.error());
    return std::make_unique<Caller>(std::move(*calls), std::move(*replies));
}

Expected<std::unique_ptr<CallServer>> Runtime::call_server(ProcessId client, CallServer::Handler handler) {
    auto calls = receiver(ChannelKind::call, client);
    if (!calls) return tl::make_unexpected(calls.error());
    auto replies = sender(ChannelKind::reply, client);
    if (!replies) return tl::make_unexpected(replies.error());
    return std::make_unique<CallServer>(std::move(*calls), std::move(*replies), std::move(handler));
}

Expected<shm::Segment> Runtime::page(ChannelKind kind, ProcessId owner) {
    const auto access = owner == self() ? shm::Access::read_write : shm::Access::read_only;
    return attachment_.segment(kind, owner, owner, access);
}

void Runtime::set_state(WorkerState state) {
    state_ = state;
    auto& own = slot().own;
    if (state == WorkerState::ready) own.ready_ns.store(mono_ns(), std::memory_order_relaxed);
    own.state.store(static_cast<uint32_t>(state), std::memory_order_relaxed);
    own.incarnation.store(incarnation_, std::memory_order_release);
    if (!events_->claim()) return;  // counted in the ring; the supervisor also looks at the page from time to time
    auto& event = events_->message<EventState>(MessageType::event_state, next_correlation());
    event.state = state;
    event.reserved = 0;
    events_->commit();
}

bool Runtime::alive(ProcessId process) const {
    const auto* found = control().find(name_of(process));
    return found != nullptr && shm::lives(*found);
}

}  // namespace of
