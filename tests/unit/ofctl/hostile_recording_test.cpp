// Files that are no recordings, or no longer: nothing in them is believed, and nothing is left of a try to play them.
#include <sys/stat.h>

#include <functional>

#include "tests/unit/ofctl/record_support.hpp"

using namespace of;
using namespace of::test;

TEST_CASE("what has right checksums and is no recording is refused, and nothing is made of it") {
    using ofctl::ChunkKind;
    using Writer = ofctl::RecordingWriter;
    const Instance instance;
    const auto parts = market_parts(instance);
    const auto path = recording_in(instance);
    const auto name = [&](const char* text) {
        char field[sizeof shm::SegmentHeader::channel] = {};
        std::snprintf(field, sizeof field, "%s", text);
        return Parts::changed(parts.ring, offsetof(shm::SegmentHeader, channel), field);
    };
    const auto message_at = [&](Writer& to, uint64_t position) {
        done(to.add(ChunkKind::message, parts.message, position));
    };
    const auto begin = [&](Writer& to) {
        done(to.add(ChunkKind::page, parts.page));
        done(to.add(ChunkKind::ring, parts.ring));
    };
    const auto ring_with = [&](size_t offset, auto value) {
        return [&parts, offset, value](Writer& to) {
            done(to.add(ChunkKind::ring, Parts::changed(parts.ring, offset, value)));
        };
    };
    struct Row {
        std::string_view about;
        std::function<void(Writer&)> write;
        std::string_view told;
    };
    const Row rows[] = {
        {"a name that leads elsewhere", [&](Writer& to) { done(to.add(ChunkKind::ring, name("../x"))); }, "no segment"},
        {"a hidden name", [&](Writer& to) { done(to.add(ChunkKind::ring, name(".x"))); }, "no segment"},
        {"no magic", ring_with(offsetof(shm::SegmentHeader, magic), uint64_t{7}), "no segment"},
        {"a page for a ring", ring_with(offsetof(shm::SegmentHeader, kind), shm::SegmentKind::page), "impossible ring"},
        {"slots of no power of two", ring_with(offsetof(shm::SegmentHeader, slots), uint64_t{63}), "impossible ring"},
        {"no slots", ring_with(offsetof(shm::SegmentHeader, slots), uint64_t{0}), "impossible ring"},
        {"another size", ring_with(offsetof(shm::SegmentHeader, total_bytes), uint64_t{8192}), "impossible ring"},
        {"a long schema", ring_with(offsetof(shm::SegmentHeader, schema_bytes), UINT32_MAX), "no segment"},
        {"a message first", [&](Writer& to) { message_at(to, 0); }, "a page or a ring"},
        {"an end first", [&](Writer& to) { put_end(to, 0); }, "a page or a ring"},
        {"nothing", [](Writer&) {}, "before its first message"},
        {"a short ring", [&](Writer& to) { done(to.add(ChunkKind::ring, std::span(parts.ring).first(100))); },
         "a page or a ring"},
        {"a page that is cut",
         [&](Writer& to) { done(to.add(ChunkKind::page, std::span(parts.page).first(parts.page.size() - 64))); },
         "no segment"},
        {"a message of another size",
         [&](Writer& to) {
             begin(to);
             done(to.add(ChunkKind::message, std::span(parts.message).first(64), 0));
         },
         "a message or the end"},
        {"positions that go back",
         [&](Writer& to) {
             begin(to);
             message_at(to, 5);
             message_at(to, 4);
         },
         "forward"},
        {"a position twice",
         [&](Writer& to) {
             begin(to);
             message_at(to, 5);
             message_at(to, 5);
         },
         "forward"},
        {"a position beyond all",
         [&](Writer& to) {
             begin(to);
             message_at(to, UINT64_MAX);
         },
         "forward"},
        {"two rings",
         [&](Writer& to) {
             begin(to);
             done(to.add(ChunkKind::ring, parts.ring));
         },
         "a message or the end"},
        {"a page behind the ring",
         [&](Writer& to) {
             begin(to);
             done(to.add(ChunkKind::page, parts.page));
         },
         "a message or the end"},
        {"a chunk behind the end",
         [&](Writer& to) {
             begin(to);
             put_end(to, 0);
             message_at(to, 1);
         },
         "the file goes on"},
    };
    for (const auto& row : rows) {
        INFO(row.about);
        std::filesystem::remove(path);
        {
            auto writer = must(Writer::create(path));
            row.write(writer);
            done(writer.flush());
        }
        const auto folder = instance.folder() + "/made";
        const auto output = run_ofctl(fmt::format("shm replay {} --to {}", path, folder));
        INFO(output.text);
        CHECK(output.exit_code == 8);
        CHECK(output.text.find(row.told) != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(folder));
    }
}

TEST_CASE("a chunk that claims too much is not read, and none is written") {
    const Instance instance;
    const auto parts = market_parts(instance);
    const auto path = recording_in(instance);
    std::filesystem::remove(path);
    auto writer = must(ofctl::RecordingWriter::create(path));
    const std::vector<std::byte> large(ofctl::chunk_bytes_max + 1);
    REQUIRE_FALSE(writer.add(ofctl::ChunkKind::page, large));
    done(writer.add(ofctl::ChunkKind::page, parts.page));
    done(writer.flush());
    {
        const uint32_t claimed = ofctl::chunk_bytes_max + 1;
        std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(sizeof(ofctl::RecordingHead) + offsetof(ofctl::Chunk, bytes));
        file.write(reinterpret_cast<const char*>(&claimed), sizeof claimed);
    }
    const auto output = run_ofctl("shm replay " + path);
    REQUIRE(output.exit_code == 8);
    REQUIRE(output.text.find("larger than one can be") != std::string::npos);
}

TEST_CASE("pages beyond their bound are neither written nor read") {
    const Instance instance;
    const auto parts = market_parts(instance);
    const auto path = recording_in(instance);
    std::filesystem::remove(path);
    auto writer = must(ofctl::RecordingWriter::create(path));
    const auto fitting = ofctl::pages_bytes_max / parts.page.size();
    for (uint64_t i = 0; i < fitting; ++i) done(writer.add(ofctl::ChunkKind::page, parts.page));
    const auto refused = writer.add(ofctl::ChunkKind::page, parts.page);
    REQUIRE_FALSE(refused);
    REQUIRE(refused.error().kind == ErrorKind::invalid);
    done(writer.flush());
    // One more, of another writer.
    const auto other = path + ".other";
    auto second = must(ofctl::RecordingWriter::create(other));
    done(second.add(ofctl::ChunkKind::page, parts.page));
    done(second.flush());
    std::ifstream from(other, std::ios::binary);
    from.seekg(sizeof(ofctl::RecordingHead));
    std::ofstream(path, std::ios::binary | std::ios::app) << from.rdbuf();
    const auto output = run_ofctl("shm replay " + path);
    REQUIRE(output.exit_code == 8);
    REQUIRE(output.text.find("more pages than") != std::string::npos);
}

TEST_CASE("a ring that claims more than any disk has is not made, nor is anything left of it") {
    const Instance instance;
    auto parts = market_parts(instance);
    parts.ring = Parts::changed(parts.ring, offsetof(shm::SegmentHeader, slots), shm::slots_max);
    parts.ring = Parts::changed(parts.ring, offsetof(shm::SegmentHeader, slot_bytes), uint32_t{4096});
    const uint64_t total = shm::body_offset + sizeof(shm::RingLines) + shm::slots_max * 4096;
    parts.ring = Parts::changed(parts.ring, offsetof(shm::SegmentHeader, total_bytes), total);
    parts.message.resize(4096 - sizeof(uint64_t));
    make_recording(recording_in(instance), parts, {0});
    const auto folder = instance.folder() + "/again";
    const auto replay = fmt::format("shm replay {} --to {}", recording_in(instance), folder);
    const auto output = run_ofctl(replay);
    INFO(output.text);
    REQUIRE(output.exit_code == 2);
    REQUIRE(output.text.find(std::to_string(total)) != std::string::npos);
    REQUIRE_FALSE(std::filesystem::exists(folder));
    std::filesystem::create_directory(folder);
    REQUIRE(run_ofctl(replay).exit_code == 2);
    REQUIRE(std::filesystem::is_empty(folder));
}

TEST_CASE(
    "only a file is replayed, nothing is waited for, and a file that cannot be read is not taken for a short one") {
    const Instance instance;
    const auto pipe = instance.folder() + "/pipe";
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    for (const auto& path : {pipe, instance.folder(), std::string("/dev/zero")})
        REQUIRE(run_ofctl("shm replay " + path, "timeout 20 ").exit_code == 2);
    // Its first page is never mapped.
    const auto unreadable = ofctl::RecordingReader::open("/proc/self/mem");
    REQUIRE_FALSE(unreadable);
    REQUIRE(unreadable.error().kind == ErrorKind::failed);
}

TEST_CASE("a recording that was cut off anywhere is read up to its last whole message") {
    const Instance instance;
    publish_trades(instance, 3);
    REQUIRE(record(instance, "--backlog --count 3").exit_code == 0);
    const auto path = recording_in(instance);
    const auto chunk = sizeof(ofctl::Chunk) + 120;
    const auto whole = size_of(path) - sizeof(ofctl::Chunk) - sizeof(ofctl::RecordingEnd);
    for (uint64_t cut = whole; cut >= whole - 2 * chunk; --cut) {
        std::filesystem::resize_file(path, cut);
        auto reader = must(ofctl::RecordingReader::open(path));
        uint64_t messages = 0;
        while (must(reader.next())) ++messages;
        REQUIRE(messages == 3 - (whole - cut + chunk - 1) / chunk);
        REQUIRE_FALSE(reader.end());
    }
    const auto output = run_ofctl("shm replay " + path);
    REQUIRE(output.exit_code == 0);
    REQUIRE(output.text.find("the recording has no end") != std::string::npos);
    std::filesystem::resize_file(path, 1000);
    REQUIRE(run_ofctl("shm replay " + path).exit_code == 8);
}

TEST_CASE("a flipped bit anywhere in a recording is found, and nothing false is printed") {
    const Instance instance;
    publish_trades(instance, 3);
    REQUIRE(record(instance, "--backlog --count 3").exit_code == 0);
    const auto path = recording_in(instance);
    const auto messages_of = [&]() -> Expected<uint64_t> {
        auto reader = ofctl::RecordingReader::open(path);
        if (!reader) return tl::make_unexpected(reader.error());
        for (uint64_t messages = 0;; ++messages) {
            const auto message = reader->next();
            if (!message) return tl::make_unexpected(message.error());
            if (!*message && !reader->end()) return fail(ErrorKind::corrupt, "no end");
            if (!*message) return messages;
        }
    };
    REQUIRE(must(messages_of()) == 3);
    const auto bytes = size_of(path);
    // Every byte of the head and of the last 600, and some of the pages between.
    for (uint64_t at = 0; at < bytes;
         at += at < 64 || at + 600 >= bytes ? 1 : std::min<uint64_t>(4093, bytes - 600 - at)) {
        const auto bit = static_cast<unsigned>(at % 8);
        flip_bit(path, at, bit);
        INFO("byte " << at << ", bit " << bit);
        REQUIRE_FALSE(messages_of().has_value());
        flip_bit(path, at, bit);
    }
    flip_bit(path, 8, 1);
    REQUIRE(run_ofctl("shm replay " + path).exit_code == 9);
    REQUIRE(run_ofctl("shm replay " + path + ".none").exit_code == 4);
}
