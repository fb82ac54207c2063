// ofctl shm replay: a recording (recording.hpp) is printed, or played into a ring in a folder of its own.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "proto/message.hpp"
#include "supervisor/ofctl/message_print.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/scratch_ring.hpp"

namespace of::ofctl {
namespace {

/// Of recorded time. A message without a time, or of another boot, does not hold the replay up for ever.
constexpr uint64_t pause_ns_max = 10'000'000'000;

/// Waits until a message is due, by the times of publication, which may be any, and the speed.
class Pace {
  public:
    explicit Pace(double speed) : speed_(speed), due_ns_(mono_now()) {}

    void wait_for(const std::vector<std::byte>& message) {
        if (speed_ <= 0) return;
        Header header;
        std::memcpy(static_cast<void*>(&header), message.data(), sizeof header);
        const uint64_t published = header.publish_ns;
        if (published > last_ns_)
            due_ns_ += static_cast<int64_t>(static_cast<double>(std::min(published - last_ns_, pause_ns_max)) / speed_);
        last_ns_ = published;
        if (mono_now() >= due_ns_) return;
        flush_output();
        const timespec due{due_ns_ / 1'000'000'000, due_ns_ % 1'000'000'000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr);
    }

  private:
    const double speed_;
    int64_t due_ns_;
    uint64_t last_ns_ = UINT64_MAX;  ///< of the message before; behind all before the first
};

struct Played {
    uint64_t messages = 0;
    uint64_t missed = 0;  ///< positions that are not in the recording
};

/// Each message in its turn to `take`; an error when the file is damaged.
template <typename Take>
Expected<Played> play(RecordingReader& recording, double speed, Take take) {
    Pace pace(speed);
    Played played;
    std::optional<uint64_t> expected;
    for (;;) {
        auto message = recording.next();
        if (!message) return tl::make_unexpected(message.error());
        if (!*message) return played;
        const auto& [position, bytes] = **message;
        played.missed += position - expected.value_or(position);
        expected = position + 1;
        ++played.messages;
        pace.wait_for(bytes);
        take(position, bytes);
    }
}

const shm::BookPage* symbols_in(const RecordingReader& recording) {
    const auto& pages = recording.pages();
    const auto found = std::ranges::find(pages, symbols_channel(recording.ring().channel()), &SegmentImage::channel);
    return found == pages.end() ? nullptr : found->page<shm::BookPage>("book");
}

void tell_what_is_missing(const RecordingReader& recording, const Played& played) {
    if (played.missed != 0) complain(fmt::format("{} messages were missed when it was recorded", played.missed));
    if (!recording.end()) complain("the recording has no end: its recorder was killed, or still writes");
}

void tell_played(const Options& options, const RecordingReader& recording, const Played& played) {
    const auto channel = recording.ring().channel();
    const auto instance = shm::text_of(recording.ring().header().instance);
    if (options.json) {
        Json json;
        json.open_document("replay").field("instance", instance).field("segment", std::string_view(channel));
        json.field("folder", std::string_view(options.to)).field("messages", played.messages);
        json.field("missed", played.missed).field("whole", recording.end().has_value());
        return put_json(options, json.close_object());
    }
    put_line(fmt::format("{} messages of {} of {}: ofctl --from {} shm tail {}", played.messages, channel, instance,
                         options.to, channel));
}

Expected<Played> print_recording(const Options& options, RecordingReader& recording) {
    const MessagePrinter printer(options, recording.ring().channel(), recording.ring().schema(), symbols_in(recording));
    return play(recording, options.speed,
                [&](uint64_t position, const std::vector<std::byte>& message) { printer.print(position, message); });
}

/// To its end, so that a damaged file is known before anything is made of it.
Expected<void> read_through(const std::string& path) {
    auto recording = RecordingReader::open(path);
    if (!recording) return tl::make_unexpected(recording.error());
    return play(*recording, 0, [](uint64_t, const std::vector<std::byte>&) {}).map([](const Played&) {});
}

Expected<Played> fill_folder(const Options& options, RecordingReader& recording) {
    auto ring = ScratchRing::create(options.to, recording.ring());
    if (!ring) return tl::make_unexpected(ring.error());
    // Last the control page: who waits for the instance finds the rest there.
    for (const auto& page : recording.pages()) {
        if (auto written = write_scratch_page(options.to, page); !written) return tl::make_unexpected(written.error());
    }
    return play(recording, options.speed,
                [&](uint64_t position, const std::vector<std::byte>& message) { ring->put(position, message); });
}

Expected<Played> play_into_folder(const Options& options, RecordingReader& recording) {
    if (auto sound = read_through(options.names.front()); !sound) return tl::make_unexpected(sound.error());
    const auto made = make_scratch_folder(options.to);
    if (!made) return tl::make_unexpected(made.error());
    auto played = fill_folder(options, recording);
    if (played) return played;
    // The next try is to find it as this one did.
    clear_scratch_folder(options.to, recording);
    if (*made) rmdir(options.to.c_str());
    return played;
}

}  // namespace

int shm_replay(const Options& options) {
    const bool to_folder = !options.to.empty();
    if (to_folder && (options.hex || !options.symbol.empty() || !options.type.empty()))
        return refuse(options, {ErrorKind::invalid, "--to plays all messages: without --symbol, --type and --hex"});
    auto recording = RecordingReader::open(options.names.front());
    if (!recording) return refuse(options, recording.error());
    const auto played = to_folder ? play_into_folder(options, *recording) : print_recording(options, *recording);
    flush_output();
    if (!played) return refuse(options, played.error());
    tell_what_is_missing(*recording, *played);
    if (to_folder) tell_played(options, *recording, *played);
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
