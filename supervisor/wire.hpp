// The supervisor's own ends of channels: commands out, events in, its log, errors and trace.
//
// Workers have typed ends in their runtime; the supervisor needs these few and shares no code with workers.
#pragma once

#include <ctime>
#include <memory>
#include <vector>

#include "proto/control.hpp"
#include "proto/log_catalog.hpp"
#include "proto/trace.hpp"
#include "shm/doorbell.hpp"
#include "shm/error_page.hpp"
#include "shm/queue.hpp"

namespace of::supervisor {

inline int64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
    timespec now{};
    clock_gettime(clock, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

inline constexpr ProcessId self{ProcessKind::supervisor, 0};

inline Header header_of(MessageType type, CorrelationId correlation) {
    return {.type = type,
            .origin = self.packed(),
            .correlation = correlation,
            .publish_ns = static_cast<uint64_t>(now_ns())};
}

/// The queues between the supervisor and one worker.
class WorkerWire {
  public:
    WorkerWire(shm::Segment commands, shm::Segment events, const shm::DoorbellWriter& bell)
        : commands_segment_(std::move(commands)),
          events_segment_(std::move(events)),
          commands_(commands_segment_),
          events_(events_segment_),
          bell_(bell) {}

    /// False when the worker's queue is full: it has not looked for 256 commands.
    bool drain(CorrelationId correlation, int64_t deadline_ns) {
        if (!commands_.claim()) return false;
        auto& command = commands_.message<CommandDrain>();
        command.header = header_of(MessageType::command_drain, correlation);
        command.deadline_ns = static_cast<uint64_t>(deadline_ns);
        commands_.commit();
        bell_.ring();
        return true;
    }
    /// False when the worker's queue is full.
    bool breaker(CorrelationId correlation, std::string_view name, BreakerAction action, uint32_t uid, int64_t for_ns,
                 std::string_view reason) {
        if (!commands_.claim()) return false;
        auto& command = commands_.message<CommandBreaker>();
        command = {.header = header_of(MessageType::command_breaker, correlation),
                   .name = FixedText<24>(name),
                   .action = action,
                   .uid = uid,
                   .for_ns = for_ns,
                   .reason = FixedText<56>(reason)};
        commands_.commit();
        bell_.ring();
        return true;
    }
    /// Events only say that the control page is worth a look; true if there was one.
    bool take_events() {
        bool any = false;
        while (events_.front() != nullptr) {
            events_.pop();
            any = true;
        }
        return any;
    }
    /// Commands that a dead worker has not read are not for its successor.
    void forget_commands() {
        shm::QueueReader<128> reader(commands_segment_);
        while (reader.front() != nullptr) reader.pop();
        reader.flush();
    }

  private:
    shm::Segment commands_segment_;
    shm::Segment events_segment_;
    shm::QueueWriter<128> commands_;
    shm::QueueReader<128> events_;
    shm::DoorbellWriter bell_;
};

/// The supervisor's records in `log.supervisor` and hops in `trace.supervisor`.
class Journal {
  public:
    Journal(shm::Segment log, shm::Segment trace, shm::Segment errors, const shm::DoorbellWriter& logger_bell)
        : log_segment_(std::move(log)),
          error_segment_(std::move(errors)),
          trace_segment_(std::move(trace)),
          log_(log_segment_),
          trace_(trace_segment_),
          bell_(logger_bell) {}

    template <LogId id, LogLevel level, typename... Types, typename... Arguments>
    void write(const LogEvent<id, level, Types...>& event, CorrelationId correlation, const Arguments&... arguments) {
        log_.claim();
        auto& record = log_.message<LogRecord>();
        record.header = header_of(MessageType::log_record, correlation);
        record.wall_ns = now_ns(CLOCK_REALTIME);
        record.reserved = 0;
        event(record, static_cast<typename Types::Argument>(arguments)...);
        if constexpr (level >= LogLevel::warn) {
            hop(correlation, Hop::failed, record.id);
            error_segment_.page<shm::ErrorPage>().note(error_key(record), record.wall_ns, correlation.value,
                                                       std::as_bytes(std::span(&record, 1)));
        }
        log_.commit();
        bell_.ring();
    }
    /// Operators' commands are always traced.
    void hop(CorrelationId correlation, Hop hop, int64_t subject) {
        trace_.claim();
        auto& record = trace_.message<TraceHop>();
        record = {.header = header_of(MessageType::trace_hop, correlation),
                  .hop = hop,
                  .reserved = 0,
                  .subject = subject,
                  .position = -1};
        trace_.commit();
    }

  private:
    shm::Segment log_segment_;
    shm::Segment error_segment_;
    shm::Segment trace_segment_;
    shm::BroadcastWriter<256> log_;
    shm::BroadcastWriter<64> trace_;
    shm::DoorbellWriter bell_;
};

}  // namespace of::supervisor
