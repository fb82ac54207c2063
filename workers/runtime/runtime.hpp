// What every worker is given: its instance's channels, log, trace, metrics, correlation IDs, and the event loop.
//
// A worker opens everything it needs in its constructor and start(); after `ready` nothing here throws or opens
// segments.
#pragma once

#include <boost/asio/io_context.hpp>
#include <optional>

#include "proto/correlation.hpp"
#include "workers/runtime/attachment.hpp"
#include "workers/runtime/breakers.hpp"
#include "workers/runtime/call.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/metrics.hpp"
#include "workers/runtime/trace.hpp"

namespace of {

class Runtime {
  public:
    /// Attaches to the instance. The errors are sentences for the user.
    static Expected<std::unique_ptr<Runtime>> attach(const WorkerOptions& options);

    const WorkerOptions& options() const { return options_; }
    ProcessId self() const { return options_.self; }
    std::string name() const { return name_of(options_.self); }
    const std::vector<ProcessId>& processes() const { return attachment_.processes(); }
    const shm::ControlPage& control() const { return attachment_.control(); }
    shm::ProcessSlot& slot() { return attachment_.slot(); }
    const Attachment& attachment() const { return attachment_; }
    boost::asio::io_context& io() { return io_; }
    Log& log() { return *log_; }
    Trace& trace() { return *trace_; }
    Metrics& metrics() { return *metrics_; }
    Breakers& breakers() { return *breakers_; }
    CorrelationId next_correlation() { return correlations_->next(); }
    uint32_t incarnation() const { return incarnation_; }

    /// The writing end of this process's broadcast channel (`market`: slots of 128 bytes).
    template <uint32_t slot_bytes>
    Expected<Publisher<slot_bytes>> publisher(ChannelKind kind) {
        return attachment_.segment(kind, self(), self(), shm::Access::read_write).map([&](shm::Segment segment) {
            return Publisher<slot_bytes>(std::move(segment), self(), attachment_.doorbells(kind, self(), self()));
        });
    }
    /// Where a reader without a cursor of its own begins.
    enum class From : uint8_t { oldest, newest };
    /// The reading end of another's broadcast channel, going on at this process's cursor.
    template <uint32_t slot_bytes>
    Expected<Subscriber<slot_bytes>> subscriber(ChannelKind kind, ProcessId writer, From from) {
        auto segment = attachment_.segment(kind, writer, writer, shm::Access::read_only);
        if (!segment) return tl::make_unexpected(segment.error());
        auto* cursor = shm::find_cursor(slot(), segment->header().channel);
        if (cursor == nullptr)
            return fail(ErrorKind::no_space, name() + " has no cursor left for " + segment->header().channel);
        using Reader = shm::BroadcastReader<slot_bytes>;
        const auto otherwise = from == From::oldest ? Reader::oldest(*segment) : Reader::newest(*segment);
        return Subscriber<slot_bytes>(std::move(*segment), *cursor, otherwise);
    }
    Expected<Sender<128>> sender(ChannelKind kind, ProcessId reader);
    Expected<Receiver<128>> receiver(ChannelKind kind, ProcessId writer);
    Expected<std::unique_ptr<Caller>> caller(ProcessId server);
    Expected<std::unique_ptr<CallServer>> call_server(ProcessId client, CallServer::Handler handler);
    /// A page of another process (`metrics`, `book`), or this process's own, which alone is writable.
    Expected<shm::Segment> page(ChannelKind kind, ProcessId owner);

    /// Says the state in the control page and tells the supervisor.
    void set_state(WorkerState state);
    WorkerState state() const { return state_; }
    /// Naps are no part of a turn's length.
    void napped(int64_t ns) { napped_ns_ += ns; }
    int64_t take_napped_ns() { return std::exchange(napped_ns_, 0); }
    /// Whether `process` is alive now, by what the kernel has made of its word (shm/life.hpp).
    bool alive(ProcessId process) const;

  private:
    Runtime(const WorkerOptions& options, Attachment attachment)
        : options_(options), attachment_(std::move(attachment)) {}
    Expected<void> open_own_channels();

    WorkerOptions options_;
    Attachment attachment_;
    boost::asio::io_context io_{1};
    uint32_t incarnation_ = 0;
    int64_t napped_ns_ = 0;
    WorkerState state_ = WorkerState::attaching;
    std::unique_ptr<CorrelationSource> correlations_;
    std::optional<shm::Segment> error_segment_;
    std::unique_ptr<Log> log_;
    std::unique_ptr<Trace> trace_;
    std::unique_ptr<Metrics> metrics_;
    std::unique_ptr<Breakers> breakers_;
    std::unique_ptr<Sender<128>> events_;
};

}  // namespace of
