// The segments and doorbells of an instance, as one process sees them.
//
// Opens what the topology names: own channels to write, others' to read. Which feed workers exist is read from the
// control page. Owned by Runtime; everything is opened before `ready`.
#pragma once

#include <memory>
#include <vector>

#include "proto/topology.hpp"
#include "shm/control_page.hpp"
#include "shm/doorbell.hpp"
#include "shm/segment.hpp"
#include "workers/runtime/options.hpp"

namespace of {

/// The spec of a channel as every process of this build understands it; slots = 0 accepts what the creator chose.
shm::SegmentSpec spec_of(const std::string& instance, const Channel& channel);

class Attachment {
  public:
    static Expected<Attachment> open(const WorkerOptions& options);

    shm::ControlPage& control() const { return control_.page<shm::ControlPage>(); }
    shm::ProcessSlot& slot() const { return *slot_; }
    const std::vector<ProcessId>& processes() const { return processes_; }

    /// Opens a channel of this instance by kind and ends.
    Expected<shm::Segment> segment(ChannelKind kind, ProcessId writer, ProcessId reader, shm::Access access) const;
    /// Doorbells of those who read this channel.
    std::vector<shm::DoorbellWriter> doorbells(ChannelKind kind, ProcessId writer, ProcessId reader) const;
    shm::DoorbellReader own_doorbell() const;
    /// The page of request limits that this host's processes share.
    Expected<shm::Segment> governor() const;

  private:
    explicit Attachment(shm::Segment control) : control_(std::move(control)) {}
    Expected<Channel> channel(ChannelKind kind, ProcessId writer, ProcessId reader) const;
    bool fence() const { return control().instance.fence.load(std::memory_order_relaxed) != 0; }

    WorkerOptions options_;
    shm::Segment control_;
    shm::ProcessSlot* slot_ = nullptr;
    std::vector<ProcessId> processes_;
    std::vector<Channel> channels_;
};

}  // namespace of
