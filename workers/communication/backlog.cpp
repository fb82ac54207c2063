#include "workers/communication/backlog.hpp"

#include <fmt/format.h>

#include "workers/communication/frames.hpp"

namespace of::communication {
namespace {

constexpr int64_t commit_wait_ns = 2 * ns_per_s;
constexpr auto look_period = std::chrono::milliseconds(2);
constexpr ProcessId storage_process{ProcessKind::storage, 0};

std::string_view reason_of(CallStatus status) {
    switch (status) {
        case CallStatus::unavailable:
            return "storage does not run";
        case CallStatus::timed_out:
            return "storage does not answer";
        case CallStatus::overloaded:
            return "storage is overloaded";
        case CallStatus::refused:
            return "too many requests wait for storage already";
        case CallStatus::circuit_open:
            return "the circuit breaker of storage is open";
        default:
            return "storage refused the request";
    }
}

}  // namespace

bool Backlog::request(WsSession& session, Topic& topic, uint32_t rows, CorrelationId correlation) {
    if (session.find_hold(topic.index) != nullptr) return false;
    const auto number = ++holds_;
    session.hold(topic.index, fanout_.position(topic), number);
    jobs_.push_back({session.weak_from_this(), &topic, number, rows, topic.last_trade_id, mono_ns() + commit_wait_ns,
                     correlation, false});
    next();
    return true;
}

std::optional<Backlog::Target> Backlog::target(const Job& job) const {
    auto session = job.session.lock();
    if (session == nullptr || !session->open()) return {};
    auto* hold = session->find_hold(job.topic->index);
    if (hold == nullptr || hold->number() != job.hold) return {};
    return Target{std::move(session), hold};
}

/// Asks for the first job that is still wanted, as soon as the store is ready for it.
void Backlog::next() {
    while (!asking_ && !jobs_.empty()) {
        auto& job = jobs_.front();
        const auto wanted = target(job);
        if (!wanted) {
            jobs_.pop_front();
            continue;
        }
        if (!runtime_.alive(storage_process)) {  // it may be on its way back
            if (mono_ns() < job.deadline_ns) return wait();
            refuse(take_first(), CallStatus::unavailable);
            continue;
        }
        const auto stored = status_.stored_position(fanout_.ring(*job.topic));
        job.complete = stored && *stored >= wanted->hold->after();
        if (!job.complete && mono_ns() < job.deadline_ns) return wait();
        wanted->hold->asked();
        if (const auto first = wanted->hold->first_id(); job.last_id == 0 && first != 0) job.last_id = first - 1;
        ask(take_first());
    }
}

Backlog::Job Backlog::take_first() {
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
}

void Backlog::wait() {
    if (waiting_) return;
    waiting_ = true;
    timer_.expires_after(look_period);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        waiting_ = false;
        next();
    });
}

/// The rows that end at last_id, where that is known: the newest ones of the store may lie behind trades that are held
/// here.
void Backlog::ask(const Job& job) {
    asking_ = true;
    const auto above = job.last_id - job.rows;
    const Caller::Request request{.type = MessageType::call_trades,
                                  .correlation = job.correlation,
                                  .symbol = job.topic->name,
                                  .from_id = job.last_id == 0 ? from_newest
                                             : above > 0      ? above
                                                              : from_first,
                                  .limit = job.rows};
    calls_.call(
        storage_process, request,
        [this, job](const Header& row) {
            if (row.type == MessageType::reply_trade) on_row(job, reinterpret_cast<const ReplyTrade&>(row));
        },
        [this, job](CallStatus status, uint32_t) { on_end(job, status); });
}

void Backlog::on_row(const Job& job, const ReplyTrade& row) {
    const auto wanted = target(job);
    if (!wanted || (job.last_id != 0 && row.id > job.last_id)) return;  // a live one, held or still to come
    if (row.id <= wanted->hold->last_sent()) return;  // of an answer that begins anew; ids rise
    text_.clear();
    frames::stored_trade(text_, job.topic->name, row);
    auto frame = pool_.make(text_);
    if (!frame) return;
    wanted->hold->sent(row.id);
    wanted->session->stored(std::move(frame));
}

void Backlog::on_end(const Job& job, CallStatus status) {
    asking_ = false;
    // The store does not know a symbol before its first row: then there is nothing to send.
    const bool answered = status == CallStatus::ok || status == CallStatus::not_found;
    const auto wanted = target(job);
    if (wanted && answered) {
        if (!job.complete) tell_gap(job, *wanted->hold, *wanted->session);
        finish(job, *wanted->session, frames::backlog_end(job.topic->name, wanted->hold->rows()));
    }
    if (!answered) refuse(job, status);
    if (status == CallStatus::timed_out) return refuse_all(status);  // each would wait as long
    next();
}

/// Trades that went by before the hold and that the store did not have in time.
void Backlog::tell_gap(const Job& job, const Hold& hold, WsSession& session) {
    const auto first = hold.rows() != 0 ? hold.last_sent() + 1 : std::max<int64_t>(1, job.last_id - job.rows + 1);
    if (first <= job.last_id) session.stored(frames::gap(job.topic->name, first, job.last_id));
}

void Backlog::finish(const Job& job, WsSession& session, const std::string& last_word) {
    session.stored(last_word);
    session.release_hold(job.topic->index, shm::BroadcastReader<128>::newest(fanout_.ring(*job.topic)));
    session.flush();
}

void Backlog::refuse(const Job& job, CallStatus status) {
    if (const auto wanted = target(job))
        finish(job, *wanted->session,
               frames::error(fmt::format("no backlog of {}: {}", job.topic->name, reason_of(status))));
}

void Backlog::refuse_all(CallStatus status) {
    for (const auto& job : std::exchange(jobs_, {})) refuse(job, status);
}

}  // namespace of::communication
