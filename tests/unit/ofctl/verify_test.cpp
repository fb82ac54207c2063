// ofctl shm verify on the segments of a test's instance: live, copied and damaged.
#include "supervisor/ofctl/verify.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/ofctl/support.hpp"

using namespace of;
using namespace of::test;

TEST_CASE("a whole instance is well, live and copied, as a table of 80 columns and as JSON") {
    const Instance instance;
    publish_trades(instance, 20);
    const auto live = run_ofctl(fmt::format("--instance {} shm verify", instance.name()));
    INFO(live.text);
    REQUIRE(live.exit_code == 0);
    REQUIRE(live.text.find("market.0") != std::string::npos);
    REQUIRE(widest_line(live.text) <= 80);
    const auto json = run_ofctl(fmt::format("--from {} --json shm verify market.0", copy_of(instance)));
    REQUIRE(json.exit_code == 0);
    REQUIRE(json.text.find(R"("name":"market.0","verdict":"ok")") != std::string::npos);
    REQUIRE(run_ofctl(fmt::format("--instance {} shm verify market.7", instance.name())).exit_code == 4);
}

TEST_CASE("a flipped bit is told with its offset, what was found and what was expected, and ends with 8") {
    const Instance instance;
    publish_trades(instance, 20);
    const auto folder = copy_of(instance);
    const auto path = folder + "/" + instance.name() + ".market.0";
    SECTION("commit word") {
        flip_bit(path, shm::body_offset + sizeof(shm::RingLines), 4);
        const auto output = run_ofctl(fmt::format("--from {} shm verify", folder));
        INFO(output.text);
        REQUIRE(output.exit_code == 8);
        REQUIRE(output.text.find("market.0 at 9216: commit word of slot 0: found 18, expected 2, that of position 0") !=
                std::string::npos);
    }
    SECTION("magic") {
        flip_bit(path, 0, 0);
        REQUIRE(run_ofctl(fmt::format("--from {} shm verify market.0", folder)).exit_code == 8);
    }
    SECTION("schema text") {
        flip_bit(path, shm::header_bytes + 20, 0);
        REQUIRE(run_ofctl(fmt::format("--from {} shm verify market.0", folder)).exit_code == 8);
    }
    SECTION("type of a message") {
        flip_bit(path, shm::body_offset + sizeof(shm::RingLines) + 9, 6);
        const auto output = run_ofctl(fmt::format("--from {} shm verify market.0", folder));
        REQUIRE(output.exit_code == 8);
        REQUIRE(output.text.find("type of message 0: found 16385") != std::string::npos);
    }
}

TEST_CASE("a quick check finds what is wrong with headers, schemas, counters and cursors, and not in older slots") {
    const Instance instance;
    publish_trades(instance, 20);
    const auto folder = copy_of(instance);
    const auto path = folder + "/" + instance.name() + ".market.0";
    const auto lines = shm::body_offset;
    const auto slot = [](uint64_t number) { return shm::body_offset + sizeof(shm::RingLines) + number * 128; };
    const auto quick = [&] { return run_ofctl(fmt::format("--from {} shm verify --quick", folder)); };
    REQUIRE(quick().exit_code == 0);
    REQUIRE(quick().text.find("not each slot of the rings was looked at") != std::string::npos);
    SECTION("commit word and type of an older message") {
        flip_bit(path, slot(3), 4);
        flip_bit(path, slot(4) + 9, 6);
        REQUIRE(quick().exit_code == 0);
        REQUIRE(run_ofctl(fmt::format("--from {} shm verify", folder)).exit_code == 8);
        const auto json = run_ofctl(fmt::format("--from {} --json shm verify --quick market.0", folder));
        REQUIRE(json.text.find(R"("quick":true,"exit_code":0)") != std::string::npos);
    }
    SECTION("the newest message, and with it all that are wrong in the ring") {
        flip_bit(path, slot(3), 4);
        flip_bit(path, slot(19) + 1, 2);
        const auto output = quick();
        INFO(output.text);
        REQUIRE(output.exit_code == 8);
        REQUIRE(output.text.find("commit word of slot 3") != std::string::npos);
    }
    SECTION("what is behind the end") {
        flip_bit(path, slot(20) + 5, 0);
        REQUIRE(quick().exit_code == 8);
    }
    SECTION("the end, too far") {
        flip_bit(path, lines + offsetof(shm::RingLines, tail) + 3, 6);
        const auto output = quick();
        INFO(output.text);
        REQUIRE(output.exit_code == 8);
        REQUIRE(output.text.find("market.0 at 8192: tail: found 1073741840") != std::string::npos);
    }
    SECTION("reserved bytes of the header") {
        flip_bit(path, 300, 0);
        REQUIRE(quick().exit_code == 8);
    }
    SECTION("schema text") {
        flip_bit(path, shm::header_bytes + 20, 0);
        REQUIRE(quick().exit_code == 8);
    }
    SECTION("a reader's cursor that is ahead of its ring") {
        std::fstream file(folder + "/" + instance.name() + ".control", std::ios::binary | std::ios::in | std::ios::out);
        const auto at = shm::body_offset + offsetof(shm::ControlPage, processes) + sizeof(shm::ProcessSlot) +
                        offsetof(shm::ProcessSlot, cursors) + offsetof(shm::Cursor, position);
        file.seekp(static_cast<std::streamoff>(at));
        file.write("\xff\xff\xff", 3);
        file.close();
        const auto output = quick();
        INFO(output.text);
        REQUIRE(output.exit_code == 8);
    }
}

TEST_CASE("a segment that is missing or surplus is told") {
    const Instance instance;
    const auto folder = copy_of(instance);
    std::filesystem::rename(folder + "/" + instance.name() + ".book.0", folder + "/" + instance.name() + ".book.5");
    const auto output = run_ofctl(fmt::format("--from {} --json shm verify", folder));
    INFO(output.text);
    REQUIRE(output.exit_code == 8);
    REQUIRE(output.text.find(R"("name":"book.0","verdict":"missing")") != std::string::npos);
    REQUIRE(output.text.find(R"("name":"book.5","verdict":)") != std::string::npos);
}

TEST_CASE("a segment of other messages is told field by field, and ends with 9") {
    const Instance instance;
    const auto name = instance.name() + ".event.storage";
    shm::remove_segment(name);
    auto schema = schema_of(ChannelKind::event);
    const auto at = schema.find("state worker_state 24");
    REQUIRE(at != std::string::npos);
    schema.replace(at, 21, "state worker_state 32");
    const auto other = shm::Segment::create(
        shm::make_spec(instance.name(), "event.storage", shm::SegmentKind::queue, "", 128, 1024, schema));
    REQUIRE(other.has_value());
    const auto output = run_ofctl(fmt::format("--instance {} shm verify event.storage", instance.name()));
    INFO(output.text);
    // The field now lies outside its message, so for a reader of the text it is not there.
    REQUIRE(output.exit_code == 9);
    REQUIRE(output.text.find("schema: field state of event_state: found none, expected worker_state at 24") !=
            std::string::npos);
}

TEST_CASE("every difference of two schemas is named") {
    const std::string ours = "message a 1 64\nx u64 24\ny text 32 8\nmessage b 2 64\n";
    const auto differences = [&](const std::string& theirs) {
        shm::Findings findings;
        ofctl::verify_schema(findings, theirs, ours);
        std::vector<std::string> what;
        for (const auto& finding : findings.kept())
            what.push_back(finding.what + ": " + finding.found + " / " + finding.expected);
        return what;
    };
    using Lines = std::vector<std::string>;
    REQUIRE(differences(ours).empty());
    REQUIRE(differences("message a 1 64\nx u64 24\ny text 32 8\n") == Lines{"schema: message b: none / 64 bytes"});
    REQUIRE(differences("message a 3 64\nx u64 24\ny text 32 8\nmessage b 2 64\n") ==
            Lines{"schema: message a: type 3, 64 bytes / type 1, 64 bytes"});
    REQUIRE(differences("message a 1 64\nx i64 24\ny text 32 4\nmessage b 2 64\n") ==
            Lines{"schema: field x of a: i64 at 24 / u64 at 24",
                  "schema: field y of a: text at 32, 4 elements / text at 32, 8 elements"});
    REQUIRE(differences(ours + "message c 4 8\n") == Lines{"schema: message c: 8 bytes / none"});
    REQUIRE(differences(ours + "\n").size() == 1);
}
