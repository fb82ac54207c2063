// ofctl shm record and replay: what came is in the file, what was missed is counted, and no instance is ever written
// to.
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "supervisor/ofctl/recording.hpp"
#include "supervisor/ofctl/scratch_ring.hpp"
#include "tests/support/wait.hpp"
#include "tests/unit/ofctl/support.hpp"

using namespace of;
using namespace of::test;

namespace {

std::string recording_in(const Instance& instance) { return instance.folder() + "/market.rec"; }

Output record(const Instance& instance, const std::string& options) {
    return run_ofctl(
        fmt::format("--instance {} shm record market.0 {} {}", instance.name(), recording_in(instance), options));
}

/// What a verb prints of the same messages, without what it says on stderr.
std::string printed(const std::string& arguments) {
    const auto output = run_ofctl(arguments + " 2>/dev/null");
    INFO(output.text);
    REQUIRE(output.exit_code == 0);
    return output.text;
}

uint64_t size_of(const std::string& path) { return std::filesystem::file_size(path); }

uint64_t lines_of(const std::string& text) { return static_cast<uint64_t>(std::ranges::count(text, '\n')); }

/// ofctl beside the test.
class Beside {
  public:
    explicit Beside(std::vector<std::string> arguments) : pid_(fork()) {
        if (pid_ != 0) return;
        arguments.insert(arguments.begin(), {program("supervisor/ofctl/ofctl"), "--quiet"});
        std::vector<char*> words;
        for (auto& argument : arguments) words.push_back(argument.data());
        words.push_back(nullptr);
        execv(words[0], words.data());
        _exit(127);
    }
    ~Beside() {
        if (pid_ != 0) end(SIGKILL);
    }
    Beside(const Beside&) = delete;
    int end(int signal) {
        int status = 0;
        ::kill(pid_, signal);
        waitpid(std::exchange(pid_, 0), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    int wait() { return end(0); }

  private:
    pid_t pid_;
};

}  // namespace

TEST_CASE("a recording prints the very lines that tail prints, as text and as JSON") {
    const Instance instance;
    publish_trades(instance, 40);
    const auto recorded = record(instance, "--backlog --count 40");
    INFO(recorded.text);
    REQUIRE(recorded.exit_code == 0);
    REQUIRE(recorded.text.find("40 messages of market.0") == 0);
    REQUIRE(recorded.text.find("0 lost; ended by: count") != std::string::npos);
    for (const auto* options : {"", "-o json", "--hex", "--type trade", "--symbol NONE"}) {
        INFO(options);
        REQUIRE(printed(fmt::format("shm replay {} {}", recording_in(instance), options)) ==
                printed(fmt::format("--instance {} shm tail market.0 -n 100 {}", instance.name(), options)));
    }
}

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
    // Stopped in the middle of what it does, it is lapped.
    REQUIRE(wait_until([&] { return std::filesystem::exists(path) && size_of(path) > 3 * shm::body_offset; }));
    publish_trades(instance, 5000);
    publish_trades(instance, 5000);
    const auto tail =
        shm::ring_tail(instance.segment(ChannelKind::market, binance_id, binance_id, shm::Access::read_only));
    REQUIRE(tail == 10'020);
    REQUIRE(wait_until([&] {
        publish_trades(instance, 1);
        auto reader = must(ofctl::RecordingReader::open(path));
        uint64_t last = 0;
        for (auto message = must(reader.next()); message; message = must(reader.next())) last = message->position;
        return last >= tail;
    }));
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
    REQUIRE(missing > 0);
    REQUIRE(reader.end());
    REQUIRE(reader.end()->messages == messages);
    REQUIRE(reader.end()->lost >= missing);
    const auto output = run_ofctl("shm replay " + path + " --type none");
    REQUIRE(output.text.find(fmt::format("{} messages were missed", missing)) != std::string::npos);
}

TEST_CASE("a replay into a folder reads there as the instance did") {
    Instance instance;
    publish_trades(instance, 30);
    REQUIRE(record(instance, "--backlog --count 30").exit_code == 0);
    const auto folder = instance.folder() + "/again";
    const auto output = run_ofctl(fmt::format("shm replay {} --to {}", recording_in(instance), folder));
    INFO(output.text);
    REQUIRE(output.exit_code == 0);
    REQUIRE(output.text.find("30 messages of market.0 of " + instance.name()) == 0);
    for (const auto* verb : {"shm tail market.0 -n 100", "shm dump market.0 --slots 3:9 -o json"})
        REQUIRE(printed(fmt::format("--from {} {}", folder, verb)) ==
                printed(fmt::format("--instance {} {}", instance.name(), verb)));
    REQUIRE(run_ofctl(fmt::format("--from {} shm verify market.0", folder)).exit_code == 0);
}

TEST_CASE("a replay with a speed shows messages one after another, each whole") {
    const Instance instance;
    for (int i = 0; i < 5; ++i) {
        publish_trades(instance, 1);
        std::this_thread::sleep_for(std::chrono::milliseconds(40));
    }
    REQUIRE(record(instance, "--backlog --count 5").exit_code == 0);
    const auto folder = instance.folder() + "/again";
    Beside player({"shm", "replay", recording_in(instance), "--to", folder, "--speed", "0.1"});
    const auto here = [&] {
        const auto output = run_ofctl(fmt::format("--from {} shm tail market.0 2>/dev/null", folder));
        return output.exit_code == 0 ? lines_of(output.text) : 0;
    };
    REQUIRE(wait_until([&] { return here() > 0; }));
    REQUIRE(here() < 5);
    REQUIRE(player.wait() == 0);
    REQUIRE(here() == 5);
}

TEST_CASE("a queue is recorded and played as a queue") {
    Instance instance;
    const auto segment = instance.segment(ChannelKind::command, supervisor_id, storage_id, shm::Access::read_write);
    const auto channel = std::string(shm::text_of(segment.header().channel));
    shm::QueueWriter<128> writer(segment);
    for (int i = 0; i < 3; ++i) {
        REQUIRE(writer.claim());
        auto& drain = writer.message<CommandDrain>();
        drain = {};
        drain.header.type = MessageType::command_drain;
        drain.header.origin = supervisor_id.packed();
        writer.commit();
    }
    const auto path = recording_in(instance);
    const auto recorded =
        run_ofctl(fmt::format("--instance {} shm record {} {} --backlog -n 3", instance.name(), channel, path));
    INFO(recorded.text);
    REQUIRE(recorded.exit_code == 0);
    REQUIRE(run_ofctl(fmt::format("shm replay {} --to {}/again", path, instance.folder())).exit_code == 0);
    REQUIRE(printed(fmt::format("--from {}/again shm tail {}", instance.folder(), channel)) ==
            printed(fmt::format("--instance {} shm tail {}", instance.name(), channel)));
    REQUIRE(run_ofctl(fmt::format("--from {}/again shm verify {}", instance.folder(), channel)).exit_code == 0);
}

TEST_CASE("nothing is played into an instance, into a folder with anything in it, or over a file") {
    const Instance instance;
    publish_trades(instance, 5);
    REQUIRE(record(instance, "--backlog --count 5").exit_code == 0);
    const auto before = size_of(recording_in(instance));
    const auto path = recording_in(instance);
    for (const auto* folder : {"/dev/shm", "/dev/shm/", "/dev/shm/."})
        REQUIRE(run_ofctl(fmt::format("shm replay {} --to {}", path, folder)).exit_code == 2);
    REQUIRE(run_ofctl(fmt::format("shm replay {} --to {}", path, instance.folder())).exit_code == 2);
    REQUIRE(run_ofctl(fmt::format("shm replay {} --to {}/x --hex", path, instance.folder())).exit_code == 2);
    REQUIRE_FALSE(std::filesystem::exists(instance.folder() + "/x"));
    REQUIRE(record(instance, "--backlog --count 5").exit_code == 1);
    REQUIRE(size_of(path) == before);
    REQUIRE(
        run_ofctl(fmt::format("--instance {} shm record control {}/c", instance.name(), instance.folder())).exit_code ==
        2);
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
