#include "workers/logger/merge.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

namespace of::logger {
namespace {

/// From the first record to the write: what arrives meanwhile is merged in its place.
constexpr auto collect_period = std::chrono::milliseconds(20);
/// Records younger than this stay in their rings: another process may be about to commit an older one.
constexpr int64_t grace_ns = 5 * ns_per_ms;
constexpr size_t lines_per_batch = 4096;
constexpr int64_t retry_ns = 250 * ns_per_ms;
constexpr ProcessId supervisor{ProcessKind::supervisor, 0};

}  // namespace

Merge::Merge(Runtime& runtime, const MergeSettings& settings)
    : runtime_(runtime),
      settings_(settings),
      sink_(settings.file),
      repeats_(settings.repeats_per_second),
      timer_(runtime.io()),
      nap_(runtime, collect_period),
      written_(runtime.metrics().counter("records_written_total", "log records written")),
      lost_(runtime.metrics().counter("records_lost_total", "log records overwritten before they were read")),
      bytes_(runtime.metrics().counter("bytes_written_total", "bytes of log written")),
      omitted_(runtime.metrics().counter("records_omitted_total", "repeated records left out")),
      failures_(runtime.metrics().counter("write_failures_total",
                                          "batches that the disk refused and that were tried again")) {}

Expected<void> Merge::start() {
    if (auto opened = sink_.open(); !opened) return opened;
    for (const auto process : runtime_.processes()) {
        auto subscriber = runtime_.subscriber<256>(ChannelKind::log, process, Runtime::From::oldest);
        if (!subscriber) return tl::make_unexpected(subscriber.error());
        rings_.push_back({process, std::move(*subscriber)});
    }
    lines_.reserve(lines_per_batch);
    runtime_.log().write(log_event::log_file_opened, runtime_.next_correlation(), sink_.path());
    return {};
}

bool Merge::any_ready() const {
    return std::ranges::any_of(rings_, [](const Ring& ring) { return ring.subscriber.ready(); });
}

uint64_t Merge::crowd(const Ring& ring) { return ring.subscriber.segment().header().slots / 4; }

bool Merge::crowded() const {
    return std::ranges::any_of(rings_, [](const Ring& ring) { return ring.subscriber.lag() >= crowd(ring); });
}

size_t Merge::poll() {
    if (mono_ns() < retry_at_ns_) return 0;
    if (!collecting_due_ && !draining_ && !crowded()) {
        if (!any_ready()) return 0;
        begin_collecting();
        nap_.take(static_cast<uint32_t>(crowd(rings_.front())), [this] { return collecting_due_ || draining_; });
        return 0;
    }
    collecting_due_ = false;
    collect();
    return collected_;
}

/// While the timer runs there is nothing to do, though records lie there: they are to be written together.
bool Merge::pending() const {
    if (mono_ns() < retry_at_ns_) return false;  // the tick looks again
    return collecting_due_ || (!timer_armed_ && any_ready()) || crowded();
}

void Merge::tick(int64_t /*now_ns*/) {
    add_omitted(draining_ ? std::numeric_limits<int64_t>::max() : wall_ns());
    begin_collecting();
}

void Merge::begin_collecting() {
    if (timer_armed_ || !any_ready()) return;
    timer_armed_ = true;
    timer_.expires_after(collect_period);
    timer_.async_wait([this](const boost::system::error_code& error) {
        timer_armed_ = false;
        collecting_due_ = !error;
    });
}

void Merge::collect() {
    collected_ = 0;
    const auto now = wall_ns();
    for (auto& ring : rings_) collect_ring(ring, now);
    if (collected_ == 0 && lines_.empty()) return;
    std::ranges::stable_sort(lines_, {}, &Line::wall_ns);
    write_out();
}

void Merge::collect_ring(Ring& ring, int64_t now_ns) {
    auto& subscriber = ring.subscriber;
    while (lines_.size() < lines_per_batch) {
        const auto position = subscriber.position();
        const auto status = subscriber.read();
        if (status == shm::ReadStatus::empty) return;
        ++collected_;
        if (status == shm::ReadStatus::lapped) continue;
        const auto& record = subscriber.message<LogRecord>();
        // One far in the future is from before a step of the clock, and waits for nothing.
        const bool too_young = record.wall_ns > now_ns - grace_ns && record.wall_ns <= now_ns + grace_ns;
        if (too_young && !draining_ && !crowded()) {
            --collected_;
            return subscriber.seek(position);
        }
        if (subscriber.lost() != ring.lost_told) note_lost(ring, record.wall_ns);
        take(ring, record);
    }
}

void Merge::take(Ring& ring, const LogRecord& record) {
    if (record.header.type != MessageType::log_record || record.level < settings_.least) return;
    if (!repeats_.admit(record.header.origin, record.id, record.wall_ns)) return omitted_.add();
    lines_.push_back({record.wall_ns, ring.subscriber.position() - 1, record});
}

/// A record of the logger's own that goes straight into the batch, at its place in time.
LogRecord Merge::own_record(CorrelationId correlation) const {
    LogRecord record{};
    record.header = {.type = MessageType::log_record, .origin = runtime_.self().packed(), .correlation = correlation};
    record.wall_ns = wall_ns();
    return record;
}

/// The line stands where the records would have stood: before the next one of their ring.
void Merge::note_lost(Ring& ring, int64_t wall_ns) {
    const auto lost = ring.subscriber.lost() - ring.lost_told;
    ring.lost_told = ring.subscriber.lost();
    lost_.add(lost);
    auto record = own_record(runtime_.next_correlation());
    record.wall_ns = wall_ns;
    log_event::log_records_lost(record, lost, ring.subscriber.name());
    lines_.push_back({wall_ns, ring.subscriber.position() - 1, record});
}

void Merge::add_omitted(int64_t now_ns) {
    for (const auto& omitted : repeats_.take_omitted(now_ns)) {
        auto record = own_record(runtime_.next_correlation());
        log_event::log_repeated(record, name_of(ProcessId::unpack(omitted.origin)), sentence(omitted.event).name,
                                omitted.count);
        lines_.push_back({record.wall_ns, 0, record});
    }
    if (!lines_.empty()) collecting_due_ = true;
}

/// The lines stay in the batch until the disk has taken them; the cursors move only then.
void Merge::write_out() {
    text_.clear();
    for (const auto& line : lines_) append_line(text_, settings_.format, line.record, line.position);
    if (auto appended = sink_.append(text_); !appended) {
        failures_.add();
        retry_at_ns_ = mono_ns() + retry_ns;
        collecting_due_ = true;
        return;
    }
    retry_at_ns_ = 0;
    for (auto& ring : rings_) ring.subscriber.acknowledge();
    const bool has_error =
        std::ranges::any_of(lines_, [](const Line& line) { return line.record.level == LogLevel::error; });
    if (has_error) sink_.sync();
    written_.add(lines_.size());
    bytes_.add(text_.size());
    lines_.clear();
    if (sink_.rotated())
        runtime_.log().write(log_event::log_file_rotated, runtime_.next_correlation(), sink_.path() + ".1");
}

void Merge::drain() {
    draining_ = true;
    for (auto& ring : rings_) ring.drain_to = ring.subscriber.position() + ring.subscriber.lag();
}

bool Merge::read_out() const {
    return std::ranges::all_of(rings_, [](const Ring& ring) { return ring.subscriber.position() >= ring.drain_to; });
}

/// Restarted alone, the logger goes when it has written what was there. When all is stopping it is the last
/// to leave: every other process but the supervisor is gone and has nothing left unsaid.
bool Merge::drained() const {
    if (!draining_ || !lines_.empty() || !read_out() || repeats_.any_omitted()) return false;
    const bool alone =
        runtime_.control().instance.stopping.load(std::memory_order_relaxed) == 0 && runtime_.alive(supervisor);
    if (alone) return true;
    return !any_ready() && std::ranges::all_of(runtime_.processes(), [&](ProcessId process) {
        return process == runtime_.self() || process == supervisor || !runtime_.alive(process);
    });
}

}  // namespace of::logger
