// ofctl shm hz: how fast each ring moves, and how far each reader is behind, over one interval after another.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cmath>

#include "supervisor/ofctl/decode.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {
namespace {

struct ReaderSample {
    std::string name;
    uint64_t lag = 0;
    uint64_t lost = 0;
};

struct RingSample {
    uint64_t written = 0;
    uint64_t refused = 0;
    std::vector<ReaderSample> readers;
};

uint64_t rate_of(uint64_t before, uint64_t now, double seconds) {
    return now > before ? static_cast<uint64_t>(std::llround(static_cast<double>(now - before) / seconds)) : 0;
}

/// One ring and what was seen of it.
class RingRate {
  public:
    RingRate(std::string channel, shm::Segment segment) : channel_(std::move(channel)), segment_(std::move(segment)) {}

    void sample(const View& view) {
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
    /// Takes the rates of the interval that the last two samples span.
    void measure(double seconds) {
        seconds_ = seconds;
        rate_ = rate_of(before_.written, now_.written, seconds);
        least_ = std::min(least_, rate_);
        most_ = std::max(most_, rate_);
    }
    void add_to(Table& rates) const {
        rates.add({channel_,
                   count_text(rate_),
                   count_text(least_),
                   count_text(most_),
                   bytes_text(bytes()),
                   {count_text(refused()), refused() == 0 ? Tone::plain : Tone::bad}});
    }
    void add_readers_to(Table& table) const {
        for (const auto& reader : now_.readers) {
            const auto lost = lost_of(reader);
            table.add({channel_,
                       reader.name,
                       count_text(reader.lag),
                       {count_text(lost), lost == 0 ? Tone::plain : Tone::bad}});
        }
    }
    void add_to(Json& json) const {
        json.open_row(channel_).field("segment", std::string_view(channel_)).field("messages_per_s", rate_);
        json.field("min", least_).field("max", most_).field("bytes_per_s", bytes());
        json.field("refused_per_s", refused()).key("readers").open_array();
        for (const auto& reader : now_.readers) {
            json.open_object()
                .field("name", std::string_view(reader.name))
                .field("lag", reader.lag)
                .field("lost_per_s", lost_of(reader))
                .close_object();
        }
        json.close_array().close_row();
    }

  private:
    /// A queue's only reader, by the last part of its channel: call.communication.storage, command.storage. Events go
    /// to the supervisor.
    std::string queue_reader() const {
        if (channel_.starts_with("event.")) return std::string(of::name_of(ProcessKind::supervisor));
        const auto last = channel_.rfind('.');
        const bool indexed = !parse_process(std::string_view(channel_).substr(last + 1)) && last > 0;
        return channel_.substr((indexed ? channel_.rfind('.', last - 1) : last) + 1);
    }
    /// `lag` holds the position until the ring's end is known.
    void add_reader(const ProcessView& worker) {
        for (const auto& cursor : worker.slot->cursors) {
            const std::string_view channel(cursor.channel, strnlen(cursor.channel, sizeof cursor.channel));
            if (channel != channel_ ||
                cursor.generation.load(std::memory_order_relaxed) != segment_.header().generation)
                continue;
            now_.readers.push_back({worker.name, cursor.position.load(std::memory_order_acquire),
                                    cursor.lost.load(std::memory_order_relaxed)});
        }
    }
    uint64_t bytes() const { return rate_ * segment_.header().slot_bytes; }
    uint64_t refused() const { return rate_of(before_.refused, now_.refused, seconds_); }
    uint64_t lost_of(const ReaderSample& reader) const {
        const auto was = std::ranges::find(before_.readers, reader.name, &ReaderSample::name);
        return was == before_.readers.end() ? 0 : rate_of(was->lost, reader.lost, seconds_);
    }

    std::string channel_;
    shm::Segment segment_;
    RingSample before_;
    RingSample now_;
    double seconds_ = 1;
    uint64_t rate_ = 0;
    uint64_t least_ = UINT64_MAX;  ///< of all intervals
    uint64_t most_ = 0;
};

Expected<std::vector<RingRate>> open_rings(const View& view, const std::vector<std::string>& wanted) {
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

/// Why nothing can move; empty while a process of the instance lives.
std::string stillness(const View& view) {
    if (view.source().copied()) return "these are copied segments";
    if (view.supervisor_alive()) return "";
    for (const auto& worker : view.workers()) {
        if (worker.alive) return "";
    }
    return "its supervisor and workers are gone";
}

int tell_stillness(const Options& options, const std::string& why) {
    if (options.json) {
        Json json;
        json.open_document("hz").field("instance", std::string_view(options.source.instance)).field("moves", false);
        put_json(options, json.field("why", std::string_view(why)).close_object());
    } else {
        put_line(fmt::format("instance {}: nothing moves: {}", options.source.instance, why));
    }
    return code(ExitCode::ok);
}

void print_rates(const Options& options, const std::vector<RingRate>& rings, double seconds, uint64_t interval) {
    if (options.json) {
        Json json;
        json.open_document("hz").field("instance", std::string_view(options.source.instance)).field("moves", true);
        json.field("interval", interval).field("ms", static_cast<uint64_t>(seconds * 1000)).open_rows("rings");
        for (const auto& ring : rings) ring.add_to(json);
        return put_json(options, json.close_array().close_object());
    }
    using enum Table::Align;
    Table rates(
        {{"RING"}, {"MSGS/S", right}, {"MIN", right}, {"MAX", right}, {"BYTES/S", right}, {"REFUSED/S", right}});
    Table readers({{"RING"}, {"READER"}, {"LAG", right}, {"LOST/S", right}});
    for (const auto& ring : rings) {
        ring.add_to(rates);
        ring.add_readers_to(readers);
    }
    put_line(fmt::format("interval {}, {:.2f} s", interval, seconds));
    rates.print(options.headers);
    put_line("");
    readers.print(options.headers);
}

}  // namespace

int shm_hz(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    auto rings = open_rings(*view, options.names);
    if (!rings) return refuse(options, rings.error());
    if (const auto why = stillness(*view); !why.empty()) return tell_stillness(options, why);
    auto since = mono_now();
    for (auto& ring : *rings) ring.sample(*view);
    const auto intervals = options.follow ? UINT64_MAX : std::max<uint64_t>(options.count, 1);
    for (uint64_t interval = 1; interval <= intervals; ++interval) {
        poll(nullptr, 0, static_cast<int>(options.interval_s * 1000));
        const auto now = mono_now();
        const auto seconds = static_cast<double>(now - std::exchange(since, now)) / 1e9;
        for (auto& ring : *rings) {
            ring.sample(*view);
            ring.measure(seconds);
        }
        if (!options.json && interval > 1) put_line("");
        print_rates(options, *rings, seconds, interval);
        flush_output();
    }
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
