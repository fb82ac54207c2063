#include "supervisor/ofctl/ring_rate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "supervisor/ofctl/decode.hpp"

namespace of::ofctl {

uint64_t rate_of(uint64_t before, uint64_t now, double seconds) {
    return now > before ? static_cast<uint64_t>(std::llround(static_cast<double>(now - before) / seconds)) : 0;
}

void RingRate::sample(const View& view) {
    before_ = std::exchange(now_, {});
    const auto& lines = segment_.lines();
    now_.refused = lines.refused.load(std::memory_order_relaxed);
    if (segment_.header().kind == shm::SegmentKind::queue) {
        const auto head = lines.head.load(std::memory_order_acquire);
        now_.written = shm::ring_tail(segment_);
        now_.readers.push_back({queue_reader(), now_.written - std::min(head, now_.written), 0});
        return;
    }
    for (const auto& worker : view.workers()) add_reader(worker);
    now_.written = shm::ring_tail(segment_);
    for (auto& reader : now_.readers) reader.lag = now_.written - std::min(reader.lag, now_.written);
}

bool RingRate::follow(const RingRate& former) {
    if (former.channel_ != channel_ || former.segment_.header().generation != segment_.header().generation)
        return false;
    now_ = former.now_;
    least_ = former.least_;
    most_ = former.most_;
    return true;
}

void RingRate::measure(double seconds) {
    seconds_ = seconds;
    rate_ = rate_of(before_.written, now_.written, seconds);
    least_ = std::min(least_, rate_);
    most_ = std::max(most_, rate_);
}

std::vector<Table::Cell> RingRate::cells() const {
    return {channel_,          count_text(rate_),   count_text(least_),
            count_text(most_), bytes_text(bytes()), {count_text(refused()), refused() == 0 ? Tone::plain : Tone::bad}};
}

void RingRate::add_readers_to(Table& table) const {
    for (const auto& reader : now_.readers) {
        const auto lost = lost_of(reader);
        table.add(
            {channel_, reader.name, count_text(reader.lag), {count_text(lost), lost == 0 ? Tone::plain : Tone::bad}});
    }
}

void RingRate::add_to(Json& json) const {
    json.field("segment", std::string_view(channel_)).field("messages_per_s", rate_);
    json.field("min", least_).field("max", most_).field("bytes_per_s", bytes());
    json.field("refused_per_s", refused()).key("readers").open_array();
    for (const auto& reader : now_.readers) {
        json.open_object()
            .field("name", std::string_view(reader.name))
            .field("lag", reader.lag)
            .field("lost_per_s", lost_of(reader))
            .close_object();
    }
    json.close_array();
}

/// A queue's only reader, by the last part of its channel: call.communication.storage, command.storage. Events go
/// to the supervisor.
std::string RingRate::queue_reader() const {
    if (channel_.starts_with("event.")) return std::string(of::name_of(ProcessKind::supervisor));
    const auto last = channel_.rfind('.');
    const bool indexed = !parse_process(std::string_view(channel_).substr(last + 1)) && last > 0;
    return channel_.substr((indexed ? channel_.rfind('.', last - 1) : last) + 1);
}

/// `lag` holds the position until the ring's end is known.
void RingRate::add_reader(const ProcessView& worker) {
    for (const auto& cursor : worker.slot->cursors) {
        const std::string_view channel(cursor.channel, strnlen(cursor.channel, sizeof cursor.channel));
        if (channel != channel_ || cursor.generation.load(std::memory_order_relaxed) != segment_.header().generation)
            continue;
        now_.readers.push_back({worker.name, cursor.position.load(std::memory_order_acquire),
                                cursor.lost.load(std::memory_order_relaxed)});
    }
}

uint64_t RingRate::lost_of(const ReaderSample& reader) const {
    const auto was = std::ranges::find(before_.readers, reader.name, &ReaderSample::name);
    return was == before_.readers.end() ? 0 : rate_of(was->lost, reader.lost, seconds_);
}

Expected<std::vector<RingRate>> open_rates(const View& view, const std::vector<std::string>& wanted) {
    std::vector<RingRate> rings;
    for (const auto& channel : wanted.empty() ? channels_in(view.source()) : wanted) {
        auto segment = view.segment(channel);
        if (!segment) return tl::make_unexpected(segment.error());
        if (segment->header().kind != shm::SegmentKind::page) {
            rings.emplace_back(channel, std::move(*segment));
        } else if (!wanted.empty()) {
            return fail(ErrorKind::invalid,
                        fmt::format("{} is a page and has no rate: see ofctl shm dump {}", channel, channel));
        }
    }
    return rings;
}

std::string stillness(const View& view) {
    if (view.source().copied()) return "these are copied segments";
    if (view.supervisor_alive()) return "";
    for (const auto& worker : view.workers()) {
        if (worker.alive) return "";
    }
    return "its supervisor and workers are gone";
}

}  // namespace of::ofctl
