// The trace of a process: hops of sampled correlation IDs into its own ring `trace.P`. `ofctl trace ID` merges the
// rings.
//
// Whoever makes a correlation ID asks sampled() and carries the answer in flag_sampled; everyone after it obeys the
// flag. Calls, errors and operators' commands are always sampled.
#pragma once

#include "proto/trace.hpp"
#include "workers/runtime/channels.hpp"

namespace of {

class Trace {
  public:
    Trace(Publisher<64> ring, uint64_t one_in) : ring_(std::move(ring)), one_in_(one_in) {}

    bool sampled(CorrelationId id) const { return one_in_ != 0 && id.counter() % one_in_ == 0; }

    /// `at_ns` is monotonic; `subject` and `position` as trace.hpp of proto says for the hop.
    void hop(CorrelationId id, Hop hop, int64_t at_ns, int64_t subject, int64_t position, uint16_t symbol = 0) {
        ring_.claim();
        auto& record = ring_.template message<TraceHop>(MessageType::trace_hop, id);
        record.header.symbol = symbol;
        record.header.flags = flag_sampled;
        record.hop = hop;
        record.reserved = 0;
        record.subject = subject;
        record.position = position;
        record.header.publish_ns = static_cast<uint64_t>(at_ns);
        ring_.writer().commit();  // keeps the hop's own time; nobody sleeps on this ring
    }

  private:
    Publisher<64> ring_;
    uint64_t one_in_;
};

}  // namespace of
