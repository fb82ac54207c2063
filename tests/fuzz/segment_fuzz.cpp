// Segments of any content: inspecting one, reading its rings, its schema and its pages never reads outside it.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "proto/log_catalog.hpp"
#include "proto/schema.hpp"
#include "shm/book_page.hpp"
#include "shm/broadcast.hpp"
#include "shm/control_page.hpp"
#include "shm/segment.hpp"
#include "tests/fuzz/target.hpp"

using namespace of;
using namespace of::shm;

const std::string_view fuzz_name = "segment";

namespace {

std::string scratch_path() {
    return (std::filesystem::temp_directory_path() / ("segment-fuzz-" + std::to_string(getpid()))).string();
}

std::string good_segment(SegmentKind kind) {
    auto spec =
        make_spec("fuzz-" + std::to_string(getpid()), "ring", kind, "", 128, 32, schema_of(ChannelKind::market));
    remove_segment(spec.name());
    auto segment = Segment::create(spec);
    if (!segment) return "";
    BroadcastWriter<128> writer(*segment);
    for (int i = 0; i < 20 && kind == SegmentKind::broadcast; ++i) {
        writer.claim();
        writer.message<Header>() = {.type = MessageType::trade};
        writer.commit();
    }
    std::ifstream file("/dev/shm/" + spec.name(), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    remove_segment(spec.name());
    return bytes;
}

void read_ring(const Segment& segment) {
    if (segment.header().kind != SegmentKind::broadcast || segment.header().slot_bytes != 128) return;
    BroadcastReader<128> reader(segment, BroadcastReader<128>::oldest(segment));
    alignas(8) std::byte message[BroadcastReader<128>::message_bytes];
    for (int i = 0; i < 64; ++i) {
        if (reader.read(message) == ReadStatus::empty) break;
        std::ignore = name_of(reinterpret_cast<const Header*>(message)->type);
    }
}

}  // namespace

std::vector<std::string> fuzz_corpus() {
    return {good_segment(SegmentKind::broadcast), good_segment(SegmentKind::queue)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto path = scratch_path();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    if (const auto segment = Segment::inspect(path)) {
        parse_schema(segment->schema());
        read_ring(*segment);
    }
    std::filesystem::remove(path);
    LogRecord record{};
    std::memcpy(static_cast<void*>(&record), data, std::min(size, sizeof record));
    render(record);
    return 0;
}
