#include "tests/exchange/fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace of::exchange {

namespace {

bool is_event(FaultKind kind) {
    return kind == FaultKind::stall || kind == FaultKind::cut || kind == FaultKind::server_shutdown ||
           kind == FaultKind::slow_read;
}

bool is_rest(FaultKind kind) { return kind == FaultKind::rest_status || kind == FaultKind::late_snapshot; }

bool matches(std::string_view pattern, std::string_view name) { return pattern == "*" || pattern == name; }

FrameAction action_of(FaultKind kind) {
    switch (kind) {
        case FaultKind::drop:
            return FrameAction::drop;
        case FaultKind::duplicate:
            return FrameAction::duplicate;
        case FaultKind::reorder:
            return FrameAction::reorder;
        case FaultKind::malformed:
            return FrameAction::malformed;
        default:
            return FrameAction::pass;
    }
}

/// How long an event lasts when nobody said.
int64_t duration_ms(const FaultSpec& spec) {
    if (spec.ms >= 0) return spec.ms;
    return spec.kind == FaultKind::cut ? 0 : 2000;
}

}  // namespace

bool FaultPlan::Armed::due(int64_t now_ms) const {
    return (spec.count == 0 || struck < spec.count) && now_ms >= not_before_ms;
}

void FaultPlan::add(FaultSpec spec, int64_t now_ms) {
    Armed fault;
    fault.spec = std::move(spec);
    fault.wait_for = fault.spec.after;
    fault.not_before_ms = now_ms + fault.spec.every_ms;
    faults_.push_back(std::move(fault));
}

void FaultPlan::strike(Armed& fault, int64_t now_ms) {
    ++fault.struck;
    ++struck_[fault_name(fault.spec.kind)];
    if (fault.spec.every_ms > 0) fault.not_before_ms = now_ms + fault.spec.every_ms;
}

FrameAction FaultPlan::on_frame(std::string_view stream, int64_t now_ms) {
    FrameAction action = FrameAction::pass;
    for (Armed& fault : faults_) {
        if (is_rest(fault.spec.kind) || !matches(fault.spec.stream, stream)) continue;
        if (is_event(fault.spec.kind)) {
            ++fault.matched;
            continue;
        }
        const bool passed = fault.matched++ >= fault.wait_for;
        if (action != FrameAction::pass || !passed || !fault.due(now_ms)) continue;
        strike(fault, now_ms);
        action = action_of(fault.spec.kind);
    }
    return action;
}

std::optional<FaultEvent> FaultPlan::next_event(int64_t now_ms) {
    for (Armed& fault : faults_) {
        if (!is_event(fault.spec.kind) || fault.matched < fault.wait_for || !fault.due(now_ms)) continue;
        strike(fault, now_ms);
        // Without a pause, the next strike waits for the next matching frame: else `count` cuts would hit one
        // connection.
        if (fault.spec.every_ms == 0) fault.wait_for = fault.matched + 1;
        return FaultEvent{fault.spec.kind, fault.spec.stream, duration_ms(fault.spec)};
    }
    return {};
}

std::optional<FaultSpec> FaultPlan::on_request(std::string_view path, int64_t now_ms) {
    std::optional<FaultSpec> hit;
    for (Armed& fault : faults_) {
        if (!is_rest(fault.spec.kind) || !matches(fault.spec.path, path)) continue;
        if (fault.spec.kind == FaultKind::late_snapshot && path != "/api/v3/depth") continue;
        const bool passed = fault.matched++ >= fault.wait_for;
        if (hit || !passed || !fault.due(now_ms)) continue;
        strike(fault, now_ms);
        hit = fault.spec;
    }
    return hit;
}

std::string FaultPlan::print_json() const {
    std::string out = "[";
    for (const Armed& fault : faults_) {
        if (out.size() > 1) out += ',';
        out += print_fault_json(fault.spec, fault.matched, fault.struck);
    }
    return out + "]";
}

}  // namespace of::exchange
