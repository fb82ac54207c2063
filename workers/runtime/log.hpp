// The log of a process: records of the catalogue into its own ring `log.P`, 20-40 ns each; the logger worker does the
// rest.
//
// Never blocks and never writes anywhere else: when the logger is dead or slow, the ring keeps the newest records and
// the logger, when it is back, says how many it missed.
#pragma once

#include "proto/log_catalog.hpp"
#include "shm/error_page.hpp"
#include "workers/runtime/channels.hpp"
#include "workers/runtime/trace.hpp"

namespace of {

class Log {
  public:
    /// Warnings and errors are noted on the page as well and leave a hop in the trace, where there are such.
    explicit Log(Publisher<256> ring, shm::ErrorPage* errors = nullptr, Trace* trace = nullptr)
        : ring_(std::move(ring)), errors_(errors), trace_(trace) {}

    /// log.write(log_event::book_synced, correlation, "BTCUSDT", 5, 100, 100)
    template <LogId id, LogLevel level, typename... Types, typename... Arguments>
    void write(const LogEvent<id, level, Types...>& event, CorrelationId correlation, const Arguments&... arguments) {
        if (level < least_) return;
        ring_.claim();
        auto& record = ring_.template message<LogRecord>(MessageType::log_record, correlation);
        record.wall_ns = wall_ns();
        record.reserved = 0;
        event(record, static_cast<typename Types::Argument>(arguments)...);
        if constexpr (level >= LogLevel::warn) {
            if (errors_ != nullptr)
                errors_->note(error_key(record), record.wall_ns, correlation.value,
                              std::as_bytes(std::span(&record, 1)));
            if (trace_ != nullptr) trace_->hop(correlation, Hop::failed, mono_ns(), record.id, -1);
        }
        ring_.commit();
    }
    /// Records below this level are not written at all.
    void set_least(LogLevel level) { least_ = level; }

  private:
    Publisher<256> ring_;
    shm::ErrorPage* errors_;
    Trace* trace_;
    LogLevel least_ = LogLevel::debug;
};

}  // namespace of
