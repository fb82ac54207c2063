// Recordings of any content (supervisor/ofctl/recording.hpp): none leads the reader out of its bounds, and what it
// gives out can be decoded and played. Each input is tried as it is, and again with its checksums made right, so that
// what stands behind them is reached.
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "supervisor/ofctl/decode.hpp"
#include "supervisor/ofctl/scratch_ring.hpp"
#include "tests/fuzz/readers.hpp"
#include "tests/fuzz/target.hpp"

namespace {

using namespace of;
using namespace of::ofctl;
namespace fs = std::filesystem;

/// Larger rings are read, but not played: the disk is not what is tried here.
constexpr uint64_t played_bytes_max = 1 << 20;

std::string scratch_path(const char* what) {
    return fs::temp_directory_path() / ("recording-fuzz-" + std::to_string(getpid()) + what);
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

const shm::SegmentHeader& header_of(const std::string& segment) {
    return *reinterpret_cast<const shm::SegmentHeader*>(segment.data());
}

/// All pages, one of the rings, and its messages with a gap among them.
std::string good_recording(const std::vector<std::string>& segments, const std::string& ring) {
    const auto path = scratch_path(".good");
    fs::remove(path);
    const auto bytes = std::as_bytes(std::span(ring));
    const auto slot_bytes = header_of(ring).slot_bytes;
    auto writer = RecordingWriter::create(path);
    if (!writer) std::abort();
    bool well = true;
    for (const auto& segment : segments) {
        const auto channel = shm::text_of(header_of(segment).channel);
        if (channel.starts_with("book") || channel.starts_with("control"))
            well = well && writer->add(ChunkKind::page, std::as_bytes(std::span(segment)));
    }
    well = well && writer->add(ChunkKind::ring, bytes.first(shm::body_offset));
    for (const uint64_t position : {3, 4, 5, 40, 200}) {
        const auto slot = shm::body_offset + sizeof(shm::RingLines) + position % header_of(ring).slots * slot_bytes;
        well = well && writer->add(ChunkKind::message, bytes.subspan(slot + 8, slot_bytes - 8), position);
    }
    const RecordingEnd end{5, 0, 0, EndedBy::count, 0};
    well = well && writer->add(ChunkKind::end, std::as_bytes(std::span(&end, 1))) && writer->flush();
    if (!well) std::abort();
    // It is to be good, or nothing behind the head would ever be tried.
    auto reader = RecordingReader::open(path);
    for (int messages = 0; messages < 5; ++messages) {
        if (!reader || !reader->next().value_or(std::nullopt)) std::abort();
    }
    auto recording = read_file(path);
    fs::remove(path);
    return recording;
}

/// The checksums of the head, and of each chunk as far as they follow one another.
std::string resealed(std::string recording) {
    const auto seal = [&](size_t at, size_t size, size_t checksum_at, size_t content_bytes) {
        auto sum = shm::fnv1a(std::string_view(recording).substr(at, checksum_at));
        sum = shm::fnv1a(std::string_view(recording).substr(at + size, content_bytes), sum);
        std::memcpy(recording.data() + at + checksum_at, &sum, sizeof sum);
    };
    if (recording.size() < sizeof(RecordingHead)) return recording;
    seal(0, sizeof(RecordingHead), offsetof(RecordingHead, checksum), 0);
    for (size_t at = sizeof(RecordingHead); recording.size() - at >= sizeof(Chunk);) {
        Chunk chunk{};
        std::memcpy(&chunk, recording.data() + at, sizeof chunk);
        if (chunk.bytes > recording.size() - at - sizeof chunk) break;
        seal(at, sizeof chunk, offsetof(Chunk, checksum), chunk.bytes);
        at += sizeof chunk + chunk.bytes;
    }
    return recording;
}

void demand(bool kept) {
    if (!kept) std::abort();
}

/// Everything that shm replay does with it.
void replay(const std::string& path) {
    auto reader = RecordingReader::open(path);
    if (!reader) return;
    const auto& header = reader->ring().header();
    uint64_t page_bytes = 0;
    for (const auto& page : reader->pages()) page_bytes += page.bytes().size();
    demand(page_bytes <= pages_bytes_max);
    demand(reader->ring().channel().find('/') == std::string::npos && header.total_bytes > shm::body_offset);
    const MessageDecoder decoder(reader->ring().schema(), nullptr);
    const auto folder = scratch_path(".played");
    demand(make_scratch_folder(folder).has_value());
    std::optional<ScratchRing> ring;
    if (header.total_bytes <= played_bytes_max) {
        if (auto made = ScratchRing::create(folder, reader->ring())) ring.emplace(std::move(*made));
    }
    uint64_t next = 0;
    for (auto message = reader->next(); message && *message; message = reader->next()) {
        const auto& [position, bytes] = **message;
        demand(position >= next && bytes.size() == reader->message_bytes());
        next = position + 1;
        demand(!decoder.decode(bytes).line().empty());
        if (ring) ring->put(position, bytes);
    }
    for (const auto& file : fs::directory_iterator(folder)) fuzz::read_all(file.path());
    clear_scratch_folder(folder, *reader);
    demand(fs::remove(folder));
}

}  // namespace

const std::string_view fuzz_name = "recording";

std::vector<std::string> fuzz_corpus() {
    const auto segments = of::fuzz::good_segments();
    std::vector<std::string> corpus;
    for (const auto& segment : segments) {
        if (header_of(segment).kind != shm::SegmentKind::page) corpus.push_back(good_recording(segments, segment));
    }
    corpus.push_back(corpus.front().substr(0, corpus.front().size() - 100));
    return corpus;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string input(reinterpret_cast<const char*>(data), size);
    const auto path = scratch_path("");
    for (const auto& recording : {input, resealed(input)}) {
        std::ofstream(path, std::ios::binary) << recording;
        replay(path);
    }
    fs::remove(path);
    return 0;
}
