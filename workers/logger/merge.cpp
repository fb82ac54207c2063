#include "workers/logger/merge.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace of::logger {
namespace {

/// From the first record to the write: what arrives meanwhile is merged in its place.
constexpr auto collect_period = std::chrono::milliseconds(20);
constexpr size_t lines_per_batch = 4096;
constexpr int64_t retry_ns = 250 * ns_per_ms;

}  // namespace

Merge::Merge(Runtime& runtime, const MergeSettings& settings)
    : runtime_(runtime), settings_(settings), sink_(settings.file), repeats_(settings.repeats_per_second), timer_(runtime.io()),
      written_(runtime.metrics().counter("records_written_total", "log records written")),
      lost_(runtime.metrics().counter("records_lost_total", "log records overwritten before they were read")),
      bytes_(runtime.metrics().counter("bytes_written_total", "bytes of log written")),
      omitted_(runtime.metrics().counter("records_omitted_total", "repeated records left out")),
      failures_(runtime.metrics().counter("write_failures_total", "batches that the disk refused and that were tried again")) {}

Expected<void> Merge::start() {
    if (auto opened = sink_.open(); !opened) return opened;
    for (const auto process : runtime_.processes()) {
        auto subscriber = runtime_.subscriber<256>(ChannelKind::log, process, Runtime::From::oldest);
        if (!subscriber) return tl::make_unexpected(subscriber.error());
        rings_.push_back({process, std::move(*subscriber), 0});
    }
    lines_.reserve(lines_per_batch);
    runtime_.log().write(log_event::log_file_opened, runtime_.next_correlation(), sink_.path());
    return {};
}

bool Merge::any_ready() const {
    return std::ranges::any_of(rings_, [](const Ring& ring) { return ring.subscriber.ready(); });
}

size_t Merge::poll() {
    if (!collecting_due_ && !draining_) {
        if (any_ready()) tick(0);
        return 0;
    }
    collecting_due_ = false;
    if (mono_ns() < retry_at_ns_) return 0;
    collect();
    return collected_;
}

/// While the timer runs there is nothing to do, though records lie there: they are to be written together.
bool Merge::pending() const { return collecting_due_ || (!timer_armed_ && any_ready()); }

void Merge::tick(int64_t now_ns) {
    if (now_ns != 0) add_omitted(wall_ns());
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
    for (auto& ring : rings_) collect_ring(ring);
    if (collected_ == 0 && lines_.empty()) return;
    std::ranges::stable_sort(lines_, {}, &Line::wall_ns);
    write_out();
}

void Merge::collect_ring(Ring& ring) {
    while (lines_.size() < lines_per_batch) {
        const auto status = ring.subscriber.read();
        if (status == shm::ReadStatus::empty) return;
        ++collected_;
        if (status == shm::ReadStatus::lapped) {
            note_lost(ring);
            continue;
        }
        const auto& record = ring.subscriber.message<LogRecord>();
        if (record.header.type != MessageType::log_record || record.level < settings_.least) continue;
        if (!repeats_.admit(record.header.origin, record.id, record.wall_ns)) {
            omitted_.add();
            continue;
        }
        lines_.push_back({record.wall_ns, ring.subscriber.position() - 1, record});
    }
}

/// A record of the logger's own that goes straight into the batch, at its place in time.
LogRecord Merge::own_record(CorrelationId correlation) const {
    LogRecord record{};
    record.header = {.type = MessageType::log_record, .origin = runtime_.self().packed(), .correlation = correlation};
    record.wall_ns = wall_ns();
    return record;
}

void Merge::note_lost(Ring& ring) {
    const auto lost = ring.subscriber.lost() - ring.lost_told;
    ring.lost_told = ring.subscriber.lost();
    lost_.add(lost);
    auto record = own_record(runtime_.next_correlation());
    log_event::log_records_lost(record, lost, ring.subscriber.name());
    lines_.push_back({record.wall_ns, ring.subscriber.position(), record});
}

void Merge::add_omitted(int64_t now_ns) {
    for (const auto& omitted : repeats_.take_omitted(now_ns)) {
        auto record = own_record(runtime_.next_correlation());
        log_event::log_repeated(record, name_of(ProcessId::unpack(omitted.origin)), sentence(omitted.event).name, omitted.count);
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
    for (auto& ring : rings_) ring.subscriber.acknowledge();
    const bool has_error = std::ranges::any_of(lines_, [](const Line& line) { return line.record.level == LogLevel::error; });
    if (has_error) sink_.sync();
    written_.add(lines_.size());
    bytes_.add(text_.size());
    lines_.clear();
    if (sink_.rotated()) runtime_.log().write(log_event::log_file_rotated, runtime_.next_correlation(), sink_.path() + ".1");
}

/// The last to leave: when every other process but the supervisor is gone and has nothing left unsaid.
bool Merge::drained() const {
    if (!draining_ || any_ready() || !lines_.empty()) return false;
    return std::ranges::all_of(runtime_.processes(), [&](ProcessId process) {
        return process == runtime_.self() || process.kind == ProcessKind::supervisor || !runtime_.alive(process);
    });
}

}  // namespace of::logger
