// ofctl shm record: a ring's messages as they come, into a file (recording.hpp). An observer like any: it looks 50
// times a second, takes nothing away, and counts what was overwritten before it came by.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <csignal>

#include "supervisor/ofctl/decode.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/recording.hpp"
#include "supervisor/ofctl/ring_rate.hpp"

namespace of::ofctl {
namespace {

constexpr uint64_t record_bytes_default = 1 << 30;
/// How many looks at the ring between two at whether it is still the instance's.
constexpr uint64_t looks_between_checks = 25;

volatile std::sig_atomic_t told_to_end = 0;

/// What whoever started this program has it ignore (nohup) stays ignored.
void catch_end() {
    struct sigaction action{};
    action.sa_handler = [](int) { told_to_end = 1; };
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before{};
        if (sigaction(number, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(number, &action, nullptr);
    }
}

uint64_t bytes_max_of(const Options& options) {
    return options.bytes_max == 0 ? record_bytes_default : options.bytes_max;
}

/// Copied: its owner goes on writing, and a checksum is to be that of the bytes in the file.
std::vector<std::byte> copy_of(const shm::Segment& segment, uint64_t bytes) {
    const auto* from = reinterpret_cast<const std::byte*>(&segment.header());
    return {from, from + bytes};
}

/// What stands before the first message: the pages that name what is in it, and the ring's description.
struct Opening {
    Opening(const View& view, const shm::Segment& segment) : ring(copy_of(segment, shm::body_offset)) {
        for (const auto& name : channels_in(view.source())) {
            if (name != "control" && !name.starts_with("book.")) continue;
            if (const auto page = view.segment(name)) pages.push_back(copy_of(*page, page->header().total_bytes));
        }
    }
    /// The least that a recording of one message has.
    uint64_t bytes_in_file(uint64_t message_bytes) const {
        auto sum = sizeof(RecordingHead) + 3 * sizeof(Chunk) + ring.size() + message_bytes + sizeof(RecordingEnd);
        for (const auto& page : pages) sum += sizeof(Chunk) + page.size();
        return sum;
    }
    std::vector<std::vector<std::byte>> pages;
    std::vector<std::byte> ring;
};

class Recorder {
  public:
    Recorder(const Options& options, const View& view, shm::Segment segment, RecordingWriter writer)
        : options_(options),
          view_(view),
          ring_(std::move(segment)),
          writer_(std::move(writer)),
          still_(!stillness(view).empty()),
          begun_ns_(mono_now()) {}

    Expected<void> begin(const Opening& opening) {
        for (const auto& page : opening.pages) {
            if (auto added = writer_.add(ChunkKind::page, page); !added) return added;
        }
        position_ = still_ || options_.backlog ? ring_.oldest() : ring_.tail();
        return writer_.add(ChunkKind::ring, opening.ring);
    }
    /// Until a bound is reached, or there is nothing more to come.
    Expected<EndedBy> run() {
        for (uint64_t looks = 1;; ++looks) {
            const auto bound = take_new();
            if (!bound || *bound) return bound.map([](auto why) { return *why; });
            if (still_) return EndedBy::ring_still;
            if (told_to_end != 0) return EndedBy::signal;
            if (options_.seconds_max > 0 && seconds() >= options_.seconds_max) return EndedBy::seconds;
            if (looks % looks_between_checks == 0 && gone()) return EndedBy::ring_gone;
            poll(nullptr, 0, look_period_ms);
        }
    }
    Expected<RecordingEnd> end(EndedBy why) {
        const RecordingEnd end{messages_, lost_, wall_now(), why, 0};
        return writer_.add(ChunkKind::end, std::as_bytes(std::span(&end, 1)))
            .and_then([this] { return writer_.flush(); })
            .map([&] { return end; });
    }
    uint64_t bytes() const { return writer_.bytes(); }
    double seconds() const { return static_cast<double>(mono_now() - begun_ns_) / 1e9; }

  private:
    /// What has come since the last look; the bound that ends it, if one does.
    Expected<std::optional<EndedBy>> take_new() {
        for (const auto tail = ring_.tail(); position_ < tail;) {
            if (options_.count != 0 && messages_ == options_.count) return EndedBy::count;
            if (writer_.bytes() + ring_.message_bytes() + 2 * sizeof(Chunk) + sizeof(RecordingEnd) >
                bytes_max_of(options_))
                return EndedBy::bytes;
            if (!ring_.read(position_, message_)) {
                skip();
                continue;
            }
            if (auto added = writer_.add(ChunkKind::message, message_, position_); !added)
                return tl::make_unexpected(added.error());
            ++position_;
            ++messages_;
        }
        if (auto flushed = writer_.flush(); !flushed) return tl::make_unexpected(flushed.error());
        if (options_.count != 0 && messages_ == options_.count) return EndedBy::count;
        return std::nullopt;
    }
    /// The writer was faster: goes on a quarter of the ring behind the oldest, to leave it room.
    void skip() {
        const auto oldest = ring_.oldest();
        const auto next = position_ < oldest ? oldest + ring_.slots() / 4 : position_ + 1;
        lost_ += next - position_;
        position_ = next;
    }
    bool gone() const {
        const auto now = view_.segment(std::string(shm::text_of(ring_.segment().header().channel)));
        return !now || now->header().generation != ring_.segment().header().generation;
    }
    const Options& options_;
    const View& view_;
    const RingView ring_;
    RecordingWriter writer_;
    const bool still_;  ///< a dead or copied instance: what is there is all
    const int64_t begun_ns_;
    std::vector<std::byte> message_;
    uint64_t position_ = 0;
    uint64_t messages_ = 0;
    uint64_t lost_ = 0;
};

void tell_recorded(const Options& options, const Recorder& recorder, const RecordingEnd& end) {
    if (options.json) {
        Json json;
        json.open_document("recording").field("segment", std::string_view(options.segment));
        json.field("file", std::string_view(options.to)).field("messages", end.messages).field("lost", end.lost);
        json.field("bytes", recorder.bytes()).precise("seconds", recorder.seconds());
        return put_json(options, json.field("ended_by", name_of(end.why)).close_object());
    }
    put_line(fmt::format("{} messages of {} in {} ({}), {} lost; ended by: {}", end.messages, options.segment,
                         options.to, bytes_text(recorder.bytes()), end.lost, name_of(end.why)));
}

}  // namespace

int shm_record(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    auto segment = view->segment(options.segment);
    if (!segment) return refuse(options, segment.error());
    if (segment->header().kind == shm::SegmentKind::page)
        return refuse(options,
                      {ErrorKind::invalid, fmt::format("{} is a page: only rings are recorded", options.segment)});
    const Opening opening(*view, *segment);
    const auto need = opening.bytes_in_file(segment->header().slot_bytes - sizeof(uint64_t));
    if (need > bytes_max_of(options))
        return refuse(options, {ErrorKind::invalid,
                                fmt::format("--bytes {} has no room for one message: with the pages that name what is "
                                            "in it, that takes {}",
                                            bytes_max_of(options), need)});
    auto writer = RecordingWriter::create(options.to);
    if (!writer) return refuse(options, writer.error());
    catch_end();
    Recorder recorder(options, *view, std::move(*segment), std::move(*writer));
    const auto end = recorder.begin(opening).and_then([&] { return recorder.run(); }).and_then([&](EndedBy why) {
        return recorder.end(why);
    });
    if (!end) return refuse(options, end.error());
    tell_recorded(options, recorder, *end);
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
