#include "workers/communication/calls.hpp"

namespace of::communication {
namespace {

constexpr size_t replies_per_turn = 1024;

}  // namespace

Expected<void> Calls::open() {
    for (const auto process : runtime_.processes()) {
        if (process.kind != ProcessKind::storage && process.kind != ProcessKind::binance) continue;
        auto caller = runtime_.caller(process);
        if (!caller) return tl::make_unexpected(caller.error());
        auto& breaker = runtime_.breakers().add(name_of(process), runtime_.options().breaker);
        lines_.push_back({process, std::move(*caller), &breaker, incarnation_of(process)});
    }
    return {};
}

void Calls::call(ProcessId server, Caller::Request request, Caller::OnRow on_row, Caller::OnEnd on_end) {
    const auto line = std::ranges::find(lines_, server, &Line::server);
    if (line == lines_.end() || !runtime_.alive(server)) return on_end(CallStatus::unavailable, 0);
    const auto permit = allow(*line);
    if (!permit) return on_end(CallStatus::circuit_open, 0);
    runtime_.trace().hop(request.correlation, Hop::called, mono_ns(), request.from_id, -1);
    auto ended = [this, server, request, permit, breaker = line->breaker, on_end = std::move(on_end)](CallStatus status,
                                                                                                      uint32_t rows) {
        report(*breaker, permit, status, request.correlation);
        if (status == CallStatus::timed_out) {
            runtime_.log().write(log_event::call_timed_out, request.correlation, name_of(request.type), name_of(server),
                                 static_cast<uint64_t>(request.timeout_ms));
        }
        runtime_.trace().hop(request.correlation, Hop::answered, mono_ns(), rows, -1);
        on_end(status, rows);
    };
    line->caller->call(request, std::move(on_row), std::move(ended));
}

uint32_t Calls::incarnation_of(ProcessId process) const {
    const auto* slot = runtime_.control().find(name_of(process));
    return slot == nullptr ? 0 : slot->desk.incarnation.load(std::memory_order_relaxed);
}

shm::Permit Calls::allow(Line& line) {
    const auto incarnation = incarnation_of(line.server);
    if (incarnation != line.incarnation) line.breaker->retry_now();
    line.incarnation = incarnation;
    return line.breaker->allow();
}

/// A server that answers, whatever it says, is well; one that is silent, or whose queue of replies is full, is not.
void Calls::report(CircuitBreaker& breaker, const shm::Permit& permit, CallStatus status, CorrelationId correlation) {
    const bool failed = status == CallStatus::timed_out || status == CallStatus::overloaded;
    if (failed) return breaker.fail(permit, correlation, name_of(status));
    const bool says_nothing = status == CallStatus::cancelled || status == CallStatus::refused;
    says_nothing ? breaker.ignore(permit) : breaker.succeed(permit);
}

int64_t Calls::retry_in_ns(ProcessId server) const {
    const auto line = std::ranges::find(lines_, server, &Line::server);
    return line == lines_.end() ? 0 : line->breaker->retry_in_ns();
}

bool Calls::idle() const {
    return std::ranges::all_of(lines_, [](const Line& line) { return line.caller->open() == 0; });
}

size_t Calls::poll() {
    size_t handled = 0;
    for (auto& line : lines_) handled += line.caller->poll(replies_per_turn);
    return handled;
}

bool Calls::pending() const {
    return std::ranges::any_of(lines_, [](const Line& line) { return line.caller->ready(); });
}

void Calls::expire(int64_t now_ns) {
    for (auto& line : lines_) line.caller->expire(now_ns);
}

}  // namespace of::communication
