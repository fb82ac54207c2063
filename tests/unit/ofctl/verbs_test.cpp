// The real ofctl against segments of a test's instance: exit codes, tables and JSON.
#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "tests/unit/ofctl/support.hpp"

using namespace of;
using namespace of::test;

TEST_CASE("bad use of ofctl ends with 2 and says what was expected") {
    for (const auto* arguments : {"", "stauts", "status --watch 0", "logs --level loud", "trace", "shm", "shm dump",
                                  "restart", "--color blue status", "shm dump market.0 --slots x", "trace not-an-id",
                                  "status --no-such-option", "stop --timeout 0"}) {
        const Instance instance;
        const auto output = run_ofctl(fmt::format("--instance {} {}", instance.name(), arguments));
        INFO(arguments << "\n" << output.text);
        REQUIRE(output.exit_code == 2);
        REQUIRE_FALSE(output.text.empty());
    }
}

TEST_CASE("an instance, worker, segment or ID that is not there ends with 4") {
    const Instance instance;
    REQUIRE(run_ofctl("--instance no-such-instance status").exit_code == 4);
    REQUIRE(run_ofctl("--instance no-such-instance shm ls").exit_code == 4);
    for (const auto* arguments : {"status accountant", "shm dump market.7", "logs --worker accountant",
                                  "trace binance-3-00000a1b2c", "restart accountant"}) {
        const auto output = run_ofctl(fmt::format("--instance {} {}", instance.name(), arguments));
        INFO(arguments << "\n" << output.text);
        REQUIRE(output.exit_code == 4);
    }
}

TEST_CASE("segments are listed, dumped and followed as text and as JSON") {
    const Instance instance;
    publish_trades(instance, 20);
    const auto listed = run_ofctl(fmt::format("--instance {} shm ls", instance.name()));
    REQUIRE(listed.exit_code == 0);
    REQUIRE(listed.text.find("market.0") != std::string::npos);
    const auto dumped = run_ofctl(fmt::format("--instance {} shm dump market.0 -n 3", instance.name()));
    REQUIRE(dumped.exit_code == 0);
    REQUIRE(dumped.text.find("price=61837.63000000") != std::string::npos);
    REQUIRE(dumped.text.find("binance-3-0000000014") != std::string::npos);
    REQUIRE(dumped.text.find("binance-3-0000000011") == std::string::npos);
    const auto tail = run_ofctl(fmt::format("--instance {} --json shm tail market.0 -n 1", instance.name()));
    REQUIRE(tail.text.find(R"("type":"trade")") != std::string::npos);
    REQUIRE(tail.text.find(R"("id":20)") != std::string::npos);
}

TEST_CASE("copied segments read like live ones") {
    const Instance instance;
    publish_trades(instance, 5);
    const auto folder = copy_of(instance);
    const auto dumped = run_ofctl(fmt::format("--from {} shm dump market.0 -n 1", folder));
    INFO(dumped.text);
    REQUIRE(dumped.exit_code == 0);
    REQUIRE(dumped.text.find("id=5") != std::string::npos);
    const auto listed = run_ofctl(fmt::format("--from {} shm ls", folder));
    REQUIRE(listed.exit_code == 0);
    REQUIRE(run_ofctl(fmt::format("--from {} status", folder)).exit_code == 7);
}

TEST_CASE("a damaged segment is told and never crashes ofctl") {
    const Instance instance;
    publish_trades(instance, 40);
    const auto folder = copy_of(instance);
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const auto path = folder + "/" + instance.name() + ".market.0";
    for (int round = 0; round < 40; ++round) {
        std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
        for (int flips = 0; flips < 3; ++flips) {
            const auto at = static_cast<std::streamoff>(random() % 16'384);
            file.seekg(at);
            const auto byte = static_cast<char>(file.get() ^ (1 << random() % 8));
            file.seekp(at);
            file.put(byte);
        }
        file.close();
        for (const auto* verb : {"shm ls", "shm dump market.0", "shm tail market.0"}) {
            const auto output = run_ofctl(fmt::format("--from {} {}", folder, verb));
            INFO(verb << "\n" << output.text);
            REQUIRE((output.exit_code == 0 || output.exit_code == 8 || output.exit_code == 9));
        }
    }
}
