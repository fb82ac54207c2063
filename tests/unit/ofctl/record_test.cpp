// ofctl shm record: what came is in the file, and what was missed is counted.
#include <atomic>
#include <thread>

#include "tests/unit/ofctl/record_support.hpp"

using namespace of;
using namespace of::test;

TEST_CASE("a recording holds what comes while it runs, and ends in order when it is told to") {
    Instance instance;
    instance.stand_in(storage_id);
    publish_trades(instance, 10);
    const auto path = recording_in(instance);
    Beside recorder({"--instance", instance.name(), "shm", "record", "market.0", path});
    REQUIRE(wait_until([&] { return std::filesystem::exists(path) && size_of(path) > shm::body_offset; }));
    const auto before = size_of(path);
    publish_trades(instance, 25);
    REQUIRE(wait_until([&] { return size_of(path) >= before + 25 * (sizeof(ofctl::Chunk) + 120); }));
    REQUIRE(recorder.end(SIGTERM) == 0);
    auto reader = must(ofctl::RecordingReader::open(path));
    uint64_t expected = 10;
    for (auto message = must(reader.next()); message; message = must(reader.next()))
        REQUIRE(message->position == expected++);
    REQUIRE(expected == 35);
    REQUIRE(reader.end());
    REQUIRE(reader.end()->messages == 25);
    REQUIRE(reader.end()->lost == 0);
    REQUIRE(reader.end()->why == ofctl::EndedBy::signal);
}

TEST_CASE("a recording of pages that are written meanwhile can be read") {
    Instance instance;
    instance.stand_in(storage_id);
    publish_trades(instance, 5);
    std::atomic<bool> over{false};
    std::thread writer([&] {
        auto& messages = instance.slot(storage_id).own.messages;
        while (!over.load(std::memory_order_relaxed)) messages.fetch_add(1, std::memory_order_relaxed);
    });
    uint64_t unread = 0;
    for (int again = 0; again < 20; ++again) {
        std::filesystem::remove(recording_in(instance));
        const bool recorded = record(instance, "--backlog --count 5").exit_code == 0;
        unread += !recorded || !ofctl::RecordingReader::open(recording_in(instance)) ? 1 : 0;
    }
    over.store(true);
    writer.join();
    REQUIRE(unread == 0);
}

TEST_CASE("each bound ends a recording") {
    Instance instance;
    instance.stand_in(storage_id);
    publish_trades(instance, 50);
    std::string why;
    SECTION("messages") {
        REQUIRE(record(instance, "--backlog -n 7").exit_code == 0);
        why = "count";
    }
    SECTION("time") {
        REQUIRE(record(instance, "--seconds 0.05").exit_code == 0);
        why = "seconds";
    }
    SECTION("bytes") {
        publish_trades(instance, 2000);
        REQUIRE(record(instance, "--backlog --bytes 200000").exit_code == 0);
        REQUIRE(size_of(recording_in(instance)) <= 200'000);
        why = "bytes";
    }
    SECTION("a ring of which nobody lives") {
        const auto copied = copy_of(instance);
        const auto output = run_ofctl(fmt::format("--from {} shm record market.0 {}", copied, recording_in(instance)));
        INFO(output.text);
        REQUIRE(output.exit_code == 0);
        REQUIRE(output.text.find("50 messages") == 0);
        why = "ring still";
    }
    SECTION("the end of the ring") {
        Beside recorder({"--instance", instance.name(), "shm", "record", "market.0", recording_in(instance)});
        REQUIRE(wait_until([&] { return std::filesystem::exists(recording_in(instance)); }));
        shm::remove_segment(instance.name() + ".market.0");
        REQUIRE(recorder.wait() == 0);
        why = "ring gone";
    }
    auto reader = must(ofctl::RecordingReader::open(recording_in(instance)));
    while (must(reader.next())) {
    }
    REQUIRE(reader.end());
    REQUIRE(ofctl::name_of(reader.end()->why) == why);
}

TEST_CASE("messages that were overwritten before they were read are counted, and missing in the positions") {
    Instance instance({.market_slots = 64});
    instance.stand_in(storage_id);
    publish_trades(instance, 20);
    const auto path = recording_in(instance);
    Beside recorder({"--instance", instance.name(), "shm", "record", "market.0", path, "--backlog"});
    REQUIRE(wait_until([&] { return last_position(path) == 19; }));
    // It stands still while it is lapped; then it goes on a quarter of the ring behind the oldest, 4956.
    recorder.freeze();
    publish_trades(instance, 5000);
    recorder.send(SIGCONT);
    REQUIRE(wait_until([&] { return last_position(path) == 5019; }));
    REQUIRE(recorder.end(SIGINT) == 0);
    auto reader = must(ofctl::RecordingReader::open(path));
    uint64_t messages = 0;
    uint64_t next = 0;
    uint64_t missing = 0;
    for (auto message = must(reader.next()); message; message = must(reader.next())) {
        missing += message->position - next;
        next = message->position + 1;
        ++messages;
    }
    REQUIRE(missing == 4956 + 16 - 20);
    REQUIRE(reader.end());
    REQUIRE(reader.end()->messages == messages);
    REQUIRE(reader.end()->lost == missing);
    const auto output = run_ofctl("shm replay " + path + " --type none");
    REQUIRE(output.text.find(fmt::format("{} messages were missed", missing)) != std::string::npos);
}

TEST_CASE("a recorder that was started with hang-up ignored goes on after one") {
    Instance instance;
    instance.stand_in(storage_id);
    publish_trades(instance, 1);
    const auto path = recording_in(instance);
    Beside recorder({"--instance", instance.name(), "shm", "record", "market.0", path, "--backlog"}, SIGHUP);
    REQUIRE(wait_until([&] { return last_position(path) == 0; }));
    recorder.send(SIGHUP);
    for (uint64_t position = 1; position < 4; ++position) {
        publish_trades(instance, 1);
        REQUIRE(wait_until([&] { return last_position(path) == position; }));
    }
    REQUIRE(recorder.end(SIGTERM) == 0);
}

TEST_CASE("a file that may not even hold one message is not begun, and the need is named") {
    const Instance instance;
    publish_trades(instance, 3);
    const auto output = record(instance, "--backlog --bytes 1000");
    INFO(output.text);
    REQUIRE(output.exit_code == 2);
    REQUIRE_FALSE(std::filesystem::exists(recording_in(instance)));
    const auto need = output.text.substr(output.text.rfind(' ') + 1);
    REQUIRE(record(instance, "--backlog --bytes " + need).exit_code == 0);
    REQUIRE(last_position(recording_in(instance)) == 0);
    REQUIRE(size_of(recording_in(instance)) == std::stoull(need));
}
