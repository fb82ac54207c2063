// Recordings of any content: what stands behind a checksum that is right is believed no more than what is not. Sums are
// made right again after each change, since one that is wrong ends the reading.
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "supervisor/ofctl/decode.hpp"
#include "supervisor/ofctl/recording.hpp"
#include "supervisor/ofctl/scratch_ring.hpp"
#include "tests/fuzz/readers.hpp"
#include "tests/fuzz/target.hpp"

using namespace of;
using namespace of::ofctl;
namespace fs = std::filesystem;

const std::string_view fuzz_name = "recording";

namespace {

constexpr uint64_t played_bytes_max = 1 << 20;  ///< larger rings are not made a thousand times

fs::path scratch(std::string_view name) {
    return fs::temp_directory_path() / fmt::format("{}-fuzz-{}", name, getpid());
}

std::span<const std::byte> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// Of a header that lies anywhere.
template <typename T>
T field(const std::string& segment, size_t offset) {
    T value{};
    std::memcpy(&value, segment.data() + offset, sizeof value);
    return value;
}

void must(const auto& done) {
    if (!done) std::abort();
}

/// The pages, this ring, what its first slots hold, and an end.
std::string recording_of(const std::string& ring, const std::vector<std::string>& pages) {
    const auto path = scratch("recorded");
    fs::remove(path);
    auto made = RecordingWriter::create(path);
    must(made);
    auto& writer = *made;
    for (const auto& page : pages) must(writer.add(ChunkKind::page, bytes_of(page)));
    must(writer.add(ChunkKind::ring, bytes_of(ring).first(shm::body_offset)));
    const auto slot_bytes = field<uint32_t>(ring, offsetof(shm::SegmentHeader, slot_bytes));
    for (uint64_t slot = 0; slot < 4; ++slot) {
        const auto at = shm::body_offset + sizeof(shm::RingLines) + slot * slot_bytes + sizeof(uint64_t);
        must(writer.add(ChunkKind::message, bytes_of(ring).subspan(at, slot_bytes - sizeof(uint64_t)), slot));
    }
    const RecordingEnd end{4, 0, 1, EndedBy::count, 0};
    must(writer.add(ChunkKind::end, std::as_bytes(std::span(&end, 1))));
    must(writer.flush());
    std::ifstream file(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    fs::remove(path);
    return text;
}

void seal(std::string& text) {
    const auto sum_at = [&](size_t at, uint64_t sum) { std::memcpy(text.data() + at, &sum, sizeof sum); };
    const std::string_view whole = text;
    if (text.size() < sizeof(RecordingHead)) return;
    sum_at(offsetof(RecordingHead, checksum), shm::fnv1a(whole.substr(0, offsetof(RecordingHead, checksum))));
    for (size_t at = sizeof(RecordingHead); at + sizeof(Chunk) <= text.size();) {
        Chunk chunk;
        std::memcpy(&chunk, text.data() + at, sizeof chunk);
        if (chunk.bytes > text.size() - at - sizeof chunk) return;
        const auto fields = shm::fnv1a(whole.substr(at, offsetof(Chunk, checksum)));
        sum_at(at + offsetof(Chunk, checksum), shm::fnv1a(whole.substr(at + sizeof chunk, chunk.bytes), fields));
        at += sizeof chunk + chunk.bytes;
    }
}

void play(const fs::path& path, const fs::path& folder) {
    auto recording = RecordingReader::open(path);
    if (!recording) return;
    const auto& ring = recording->ring();
    const auto* symbols =
        recording->pages().empty() ? nullptr : recording->pages().front().page<shm::BookPage>("book");
    const MessageDecoder decoder(ring.schema(), symbols);
    std::optional<ScratchRing> played;
    if (ring.header().total_bytes <= played_bytes_max && make_scratch_folder(folder)) {
        for (const auto& page : recording->pages()) static_cast<void>(write_scratch_page(folder, page));
        if (auto made = ScratchRing::create(folder, ring)) played.emplace(std::move(*made));
    }
    for (;;) {
        const auto message = recording->next();
        if (!message || !*message) return;
        static_cast<void>(decoder.decode((*message)->bytes).line());
        if (played) played->put((*message)->position, (*message)->bytes);
    }
}

}  // namespace

std::vector<std::string> fuzz_corpus() {
    std::vector<std::string> pages, rings, recordings;
    for (auto& segment : fuzz::good_segments()) {
        const auto kind = field<shm::SegmentKind>(segment, offsetof(shm::SegmentHeader, kind));
        const bool is_page = kind == shm::SegmentKind::page;
        if (!is_page || segment.size() < (1 << 16)) (is_page ? pages : rings).push_back(std::move(segment));
    }
    for (const auto& ring : rings) recordings.push_back(recording_of(ring, pages));
    return recordings;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string text(reinterpret_cast<const char*>(data), size);
    seal(text);
    const auto path = scratch("recording");
    const auto folder = scratch("played");
    std::ofstream(path, std::ios::binary) << text;
    play(path, folder);
    fs::remove(path);
    fs::remove_all(folder);
    return 0;
}
