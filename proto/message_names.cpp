#include "proto/calls.hpp"
#include "proto/control.hpp"
#include "proto/trace.hpp"

namespace of {

std::string_view name_of(MessageType type) {
    switch (type) {
        case MessageType::none:
            return "none";
        case MessageType::trade:
            return "trade";
        case MessageType::agg_trade:
            return "agg_trade";
        case MessageType::best_quote:
            return "best_quote";
        case MessageType::depth_delta:
            return "depth_delta";
        case MessageType::depth_snapshot:
            return "depth_snapshot";
        case MessageType::depth_levels:
            return "depth_levels";
        case MessageType::book_reset:
            return "book_reset";
        case MessageType::gap_opened:
            return "gap_opened";
        case MessageType::gap_repaired:
            return "gap_repaired";
        case MessageType::stream_event:
            return "stream_event";
        case MessageType::command_drain:
            return "command_drain";
        case MessageType::command_breaker:
            return "command_breaker";
        case MessageType::event_state:
            return "event_state";
        case MessageType::call_trades:
            return "call_trades";
        case MessageType::call_storage_stats:
            return "call_storage_stats";
        case MessageType::call_book:
            return "call_book";
        case MessageType::call_feed_status:
            return "call_feed_status";
        case MessageType::reply_end:
            return "reply_end";
        case MessageType::reply_trade:
            return "reply_trade";
        case MessageType::reply_storage_stats:
            return "reply_storage_stats";
        case MessageType::reply_book:
            return "reply_book";
        case MessageType::reply_levels:
            return "reply_levels";
        case MessageType::reply_feed_status:
            return "reply_feed_status";
        case MessageType::log_record:
            return "log_record";
        case MessageType::trace_hop:
            return "trace_hop";
    }
    return "unknown";
}

std::string_view name_of(ResetReason reason) {
    switch (reason) {
        case ResetReason::start:
            return "start";
        case ResetReason::disconnected:
            return "disconnected";
        case ResetReason::gap:
            return "gap";
        case ResetReason::crossed:
            return "crossed";
        case ResetReason::oracle_mismatch:
            return "oracle_mismatch";
        case ResetReason::refused_delta:
            return "refused_delta";
        case ResetReason::buffer_full:
            return "buffer_full";
    }
    return "unknown";
}

std::string_view name_of(GapKind kind) {
    switch (kind) {
        case GapKind::trade:
            return "trade";
        case GapKind::agg_trade:
            return "agg_trade";
    }
    return "unknown";
}

std::string_view name_of(StreamState state) {
    switch (state) {
        case StreamState::connecting:
            return "connecting";
        case StreamState::connected:
            return "connected";
        case StreamState::disconnected:
            return "disconnected";
        case StreamState::healthy:
            return "healthy";
        case StreamState::stale:
            return "stale";
        case StreamState::server_shutdown:
            return "server_shutdown";
    }
    return "unknown";
}

std::string_view name_of(CallStatus status) {
    switch (status) {
        case CallStatus::ok:
            return "ok";
        case CallStatus::overloaded:
            return "overloaded";
        case CallStatus::timed_out:
            return "timed_out";
        case CallStatus::unavailable:
            return "unavailable";
        case CallStatus::not_found:
            return "not_found";
        case CallStatus::bad_request:
            return "bad_request";
        case CallStatus::cancelled:
            return "cancelled";
        case CallStatus::circuit_open:
            return "circuit_open";
        case CallStatus::refused:
            return "refused";
    }
    return "unknown";
}

std::string_view name_of(BreakerAction action) {
    constexpr std::array names{"trip", "reset", "open", "close"};
    const auto index = static_cast<size_t>(action);
    return index < names.size() ? names[index] : "unknown";
}

std::string_view name_of(BookState state) {
    switch (state) {
        case BookState::disconnected:
            return "disconnected";
        case BookState::buffering:
            return "buffering";
        case BookState::snapshot_wait:
            return "snapshot_wait";
        case BookState::synced:
            return "synced";
    }
    return "unknown";
}

std::string_view name_of(Hop hop) {
    switch (hop) {
        case Hop::received:
            return "received";
        case Hop::decoded:
            return "decoded";
        case Hop::published:
            return "published";
        case Hop::stored:
            return "stored";
        case Hop::delivered:
            return "delivered";
        case Hop::called:
            return "called";
        case Hop::served:
            return "served";
        case Hop::answered:
            return "answered";
        case Hop::refused:
            return "refused";
        case Hop::commanded:
            return "commanded";
        case Hop::failed:
            return "failed";
    }
    return "unknown";
}

}  // namespace of
