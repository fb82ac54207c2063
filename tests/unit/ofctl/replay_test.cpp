// ofctl shm replay: what was recorded is printed, or played into a ring that keeps its promises; no instance is ever
// written to.
#include "tests/unit/ofctl/record_support.hpp"

using namespace of;
using namespace of::test;

namespace {

/// A queue's channel, and what a recording of it is made of.
std::pair<std::string, Parts> call_parts(Instance& instance) {
    const auto segment = instance.segment(ChannelKind::call, communication_id, storage_id, shm::Access::read_write);
    shm::QueueWriter<128> writer(segment);
    REQUIRE(writer.claim());
    writer.message<Header>() = {.type = MessageType::call_trades, .origin = communication_id.packed()};
    writer.commit();
    const auto channel = std::string(shm::text_of(segment.header().channel));
    const auto path = recording_in(instance);
    std::filesystem::remove(path);
    REQUIRE(run_ofctl(fmt::format("--instance {} shm record {} {} --backlog -n 1", instance.name(), channel, path))
                .exit_code == 0);
    return {channel, Parts(path)};
}

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
    const auto parts = market_parts(instance);
    const auto path = recording_in(instance);
    constexpr uint64_t second = 1'000'000'000;
    make_recording(path, parts, {0, 1, 2, 3, 4}, {second, second + 1, 2 * second, 3 * second, 4 * second});
    const auto here = [&](const std::string& folder) {
        const auto output = run_ofctl(fmt::format("--from {} shm tail market.0 2>/dev/null", folder));
        return output.exit_code == 0 ? lines_of(output.text) : 0;
    };
    const auto slow = instance.folder() + "/slow";
    Beside player({"shm", "replay", path, "--to", slow, "--speed", "0.001"});
    REQUIRE(wait_until([&] { return here(slow) == 2; }));
    REQUIRE(here(slow) == 2);  // the third is due in a quarter of an hour
    player.end(SIGKILL);
    const auto fast = instance.folder() + "/fast";
    REQUIRE(run_ofctl(fmt::format("shm replay {} --to {} --speed 1000", path, fast)).exit_code == 0);
    REQUIRE(here(fast) == 5);
}

TEST_CASE("times of publication that cannot be hold no replay up") {
    const Instance instance;
    const auto parts = market_parts(instance);
    make_recording(recording_in(instance), parts, {0, 1, 2, 3, 4},
                   {uint64_t{1} << 63, 0, UINT64_MAX, 1, uint64_t{1} << 63});
    const auto output = run_ofctl(fmt::format("shm replay {} --speed 1000000", recording_in(instance)));
    REQUIRE(output.exit_code == 0);
    REQUIRE(lines_of(output.text) == 5);
}

TEST_CASE("a played ring keeps every promise, wherever it begins and whatever is missing in it") {
    Instance instance({.market_slots = 64});
    const auto market = market_parts(instance);
    const auto path = recording_in(instance);
    const auto [call, queue] = call_parts(instance);
    const std::vector<std::vector<uint64_t>> rows{
        {100, 101, 102},                       // begins behind the first lap
        {3},                                   // and within it
        {0, 1, 2, 60, 61, 70},                 // gaps
        {0, 1, 2, 3, 4, 5, 70, 71, 5000},      // laps that are missing
        {62, 63, 64, 65, 126, 127, 128, 129},  // over the ring's end
    };
    for (const auto& positions : rows) {
        for (const auto* parts : {&market, &queue}) {
            const auto name = parts == &market ? std::string("market.0") : call;
            const auto folder = instance.folder() + "/again";
            INFO(name << " from " << positions.front() << " to " << positions.back());
            make_recording(path, *parts, positions);
            REQUIRE(run_ofctl(fmt::format("shm replay {} --to {}", path, folder)).exit_code == 0);
            const auto verified = run_ofctl(fmt::format("--from {} shm verify {}", folder, name));
            INFO(verified.text);
            CHECK(verified.exit_code == 0);
            CHECK(verified.text.find("played from a recording") != std::string::npos);
            const auto slots = must(ofctl::RecordingReader::open(path)).ring().header().slots;
            const auto here = static_cast<uint64_t>(std::ranges::count_if(
                positions, [&](uint64_t position) { return position + slots > positions.back(); }));
            CHECK(lines_of(printed(fmt::format("--from {} shm tail {} -n 100", folder, name))) == here);
            std::filesystem::remove_all(folder);
        }
    }
}

TEST_CASE("a queue that is played beyond its size has its head within a lap of its end") {
    Instance instance({.market_slots = 64});
    const auto path = recording_in(instance);
    const auto [call, queue] = call_parts(instance);
    std::vector<uint64_t> positions(must(ofctl::RecordingReader::open(path)).ring().header().slots + 9);
    for (size_t i = 0; i < positions.size(); ++i) positions[i] = i;
    make_recording(path, queue, positions);
    REQUIRE(run_ofctl(fmt::format("shm replay {} --to {}/again", path, instance.folder())).exit_code == 0);
    REQUIRE(run_ofctl(fmt::format("--from {}/again shm verify {}", instance.folder(), call)).exit_code == 0);
}

TEST_CASE("numbers that are none, or below zero, are refused") {
    const Instance instance;
    for (const auto* wrong : {"--count=-5", "--bytes=-1", "--seconds nan", "--seconds=-1", "--seconds 0", "--count x"})
        REQUIRE(record(instance, wrong).exit_code == 2);
    for (const auto* speed : {"nan", "inf", "0", "-1"})
        REQUIRE(run_ofctl(fmt::format("shm replay x --speed={}", speed)).exit_code == 2);
    REQUIRE(run_ofctl(fmt::format("--instance {} events --since=nan", instance.name())).exit_code == 2);
    for (const auto* verb : {"logs", "events", "errors"})
        for (const auto* since : {"-1", "1e10"})
            REQUIRE(run_ofctl(fmt::format("--instance {} {} --since={}", instance.name(), verb, since)).exit_code == 2);
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
