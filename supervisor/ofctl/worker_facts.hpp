// What the control page says of one worker, in the words in which it is shown.
#pragma once

#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/process_facts.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {

/// Since a time of CLOCK_MONOTONIC that a page tells; wraps around for one that no clock has shown.
int64_t age_ns(const std::atomic<int64_t>& since);
int64_t heartbeat_age_ns(const ProcessView& process);
/// Since it said that it was ready; nothing for one that is not, or is gone.
std::optional<int64_t> ready_age_ns(const ProcessView& process);
/// "", "code 10", "signal 9", or "unknown": nobody saw it.
std::string last_exit(const shm::DeskLine& desk);
/// Messages that its cursors lost.
uint64_t lost(const ProcessView& process);
std::string uptime(const ProcessView& process);
Tone tone_of(const ProcessView& process);
/// Nothing for a process that is gone.
std::optional<ProcessFacts> facts_of(const ProcessView& process);

}  // namespace of::ofctl
