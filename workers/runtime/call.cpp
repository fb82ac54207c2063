#include "workers/runtime/call.hpp"

namespace of {

void Caller::call(const Request& request, OnRow on_row, OnEnd on_end) {
    if (open_.size() >= calls_open_max || !calls_.claim()) return on_end(CallStatus::refused, 0);
    const auto deadline = mono_ns() + request.timeout_ms * ns_per_ms;
    auto& call = calls_.message<Call>(request.type, request.correlation);
    call.deadline_ns = static_cast<uint64_t>(deadline);
    call.symbol.assign(request.symbol);
    call.from_id = request.from_id;
    call.limit = request.limit;
    call.reserved = 0;
    open_.emplace(request.correlation.value, Open{deadline, 0, std::move(on_row), std::move(on_end)});
    calls_.commit();
}

size_t Caller::poll(size_t limit) {
    size_t handled = 0;
    for (; handled < limit; ++handled) {
        const auto* header = replies_.front();
        if (header == nullptr) break;
        const auto found = open_.find(header->correlation.value);
        if (found == open_.end()) {
            late_ += header->type == MessageType::reply_end;
        } else if (header->type == MessageType::reply_end) {
            const auto status = reinterpret_cast<const ReplyEnd*>(header)->status;
            const auto open = std::move(found->second);
            open_.erase(found);
            open.on_end(status, open.rows);
        } else {
            if ((header->flags & flag_first) != 0) found->second.rows = 0;
            ++found->second.rows;
            found->second.on_row(*header);
        }
        replies_.done();
    }
    return handled;
}

size_t Caller::expire(int64_t now_ns) {
    std::vector<Open> over;
    for (auto it = open_.begin(); it != open_.end();) {
        if (it->second.deadline_ns > now_ns) {
            ++it;
            continue;
        }
        over.push_back(std::move(it->second));
        it = open_.erase(it);
    }
    for (auto& open : over) open.on_end(CallStatus::timed_out, open.rows);
    return over.size();
}

void Reply::end(CallStatus status) {
    if (!replies_->claim()) return;  // counted as refused in the ring; the caller's deadline ends the call
    auto& end = replies_->message<ReplyEnd>(MessageType::reply_end, correlation_);
    end.status = full_ ? CallStatus::overloaded : status;
    end.rows = rows_;
    replies_->commit();
}

size_t CallServer::poll(size_t limit) {
    size_t handled = 0;
    for (; handled < limit; ++handled) {
        const auto* header = calls_.front();
        if (header == nullptr) break;
        const auto call = *reinterpret_cast<const Call*>(header);
        calls_.done();
        if (static_cast<int64_t>(call.deadline_ns) < mono_ns()) {
            ++expired_;
            continue;
        }
        Reply reply(replies_, call);
        handler_(call, reply);
    }
    return handled;
}

}  // namespace of
