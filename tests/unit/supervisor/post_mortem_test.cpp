#include "supervisor/post_mortem.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "shm/black_box.hpp"
#include "supervisor/autopsy/autopsy.hpp"
#include "supervisor/autopsy/bundle.hpp"
#include "supervisor/autopsy/bundle_writer.hpp"
#include "supervisor/autopsy/core_file.hpp"
#include "supervisor/autopsy/system_call_name.hpp"

using namespace of::autopsy;
using of::supervisor::Pace;

namespace {

constexpr int64_t second = 1'000'000'000;

struct Folder {
    Folder() {
        auto pattern = (std::filesystem::temp_directory_path() / "of-bundles-XXXXXX").string();
        path = mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path;
};

}  // namespace

TEST_CASE("a crash loop leaves one bundle a second for each worker, and the others are counted") {
    Pace pace;
    CHECK(pace.take("storage", 10 * second));
    CHECK_FALSE(pace.take("storage", 10 * second + second / 2));
    CHECK_FALSE(pace.take("storage", 11 * second - 1));
    CHECK(pace.take("logger", 10 * second + 1));
    CHECK(pace.take("storage", 11 * second));
    CHECK(pace.take_skipped("storage") == 2);
    CHECK(pace.take_skipped("storage") == 0);
    CHECK(pace.take_skipped("logger") == 0);
}

TEST_CASE("facts are read as they were written, and a value cannot make a line of its own") {
    Facts facts;
    facts.add("worker", "storage");
    facts.add("cursor", "market.0 position 5 lost 0");
    facts.add("cursor", "market.1 position 6 lost 0");
    facts.add("last_words", "one\ncause: forged");
    facts.add("lived_ms", int64_t{42});
    const auto read = Facts::parse(facts.text() + "no fact\n: neither\n");
    CHECK(read.rows() == facts.rows());
    CHECK(read.get("worker") == "storage");
    CHECK(read.get("cause").empty());
    CHECK(read.all("cursor").size() == 2);
    CHECK(read.number("lived_ms") == 42);
    CHECK(read.number("worker", -1) == -1);
    CHECK(read.number("nothing", 7) == 7);
}

TEST_CASE("the supervisor's facts end where the live stack begins") {
    const auto read = read_case("worker: storage\ncause: hang\n\nthread 1 (of-storage)\n#0 x: y\n");
    CHECK(read.facts.rows().size() == 2);
    CHECK(read.live_stack == "thread 1 (of-storage)\n#0 x: y\n");
    CHECK(read_case("worker: storage\n").live_stack.empty());
}

TEST_CASE("bundles are named in the order of time, and no name leads out of the folder") {
    const auto id = bundle_id(1'764'030'372 * second + 345'678'901, "storage", 3);
    CHECK(id == "20251125T002612.345Z-storage-3");
    CHECK(is_bundle_id(id));
    CHECK(bundle_id(5 * second, "logger", 1) < bundle_id(5 * second + 1'000'000, "binance", 1));
    for (const auto* name : {"", ".", "..", ".hidden", "a/b", "../x", "a b", "x\n"}) CHECK_FALSE(is_bundle_id(name));
    CHECK_FALSE(is_bundle_id(std::string(81, 'x')));
}

TEST_CASE("the oldest bundles go first, until number and size are kept, and the newest stays") {
    const std::vector<BundleSize> bundles{{"a", 10}, {"b", 20}, {"c", 30}, {"d", 40}};
    CHECK(superfluous(bundles, 4, 100).empty());
    CHECK(superfluous(bundles, 2, 100) == std::vector<std::string>{"a", "b"});
    CHECK(superfluous(bundles, 4, 99) == std::vector<std::string>{"a"});
    CHECK(superfluous(bundles, 4, 45) == std::vector<std::string>{"a", "b", "c"});
    CHECK(superfluous(bundles, 4, 1) == std::vector<std::string>{"a", "b", "c"});
    CHECK(superfluous({}, 1, 1).empty());
}

TEST_CASE("a bundle is seen when it is whole, and what does not fit is named") {
    const Folder folder;
    auto writer = BundleWriter::begin(folder.path, "x-storage-1", 8192);
    REQUIRE(writer);
    writer->file("facts", "worker: storage\n");
    writer->file("hole", std::string(1 << 20, '\0'));
    writer->file("large", std::string(8192, 'x'));
    CHECK(list_bundles(folder.path).empty());
    REQUIRE(writer->finish());
    REQUIRE(list_bundles(folder.path).size() == 1);
    REQUIRE(writer->left_out().size() == 1);
    CHECK(writer->left_out().front().starts_with("large: "));
    CHECK(std::filesystem::file_size(folder.path + "/x-storage-1/hole") == 1 << 20);
    CHECK(read_facts(folder.path, "x-storage-1")->get("worker") == "storage");
    REQUIRE(remove_bundle(folder.path, "x-storage-1"));
    CHECK_FALSE(remove_bundle(folder.path, "x-storage-1"));
    CHECK_FALSE(read_facts(folder.path, "../x-storage-1"));
}

TEST_CASE("a bundle whose writer died is cleared away by the next") {
    const Folder folder;
    REQUIRE(BundleWriter::begin(folder.path, "y-storage-2", 1 << 20));
    CHECK_FALSE(BundleWriter::begin(folder.path, "y-storage-2", 1 << 20));
    remove_unfinished(folder.path);
    CHECK(std::filesystem::is_empty(folder.path));
}

TEST_CASE("a link in the folder of bundles is none, and is never followed") {
    const Folder folder, elsewhere;
    std::ofstream(elsewhere.path + "/precious") << "x";
    std::filesystem::create_directory_symlink(elsewhere.path, folder.path + "/z-storage-3");
    CHECK(list_bundles(folder.path).empty());
    CHECK_FALSE(remove_bundle(folder.path, "z-storage-3"));
    CHECK(std::filesystem::exists(elsewhere.path + "/precious"));
}

TEST_CASE("a core's name follows the kernel's pattern") {
    const CoreOf core{.pid = 12,
                      .thread = 13,
                      .signal = 11,
                      .time_s = 99,
                      .command = "of-storage",
                      .executable = "/usr/bin/of-storage",
                      .host = "h",
                      .uid = 1,
                      .gid = 2};
    CHECK(core_name("core", false, core) == "core");
    CHECK(core_name("core", true, core) == "core.12");
    CHECK(core_name("/var/core.%e.%p.%s.%t", true, core) == "/var/core.of-storage.12.11.99");
    CHECK(core_name("%E-%f-%i-%u-%g-%h-%%%", false, core) == "!usr!bin!of-storage-of-storage-13-1-2-h-%");
    CHECK(core_name("a%zb", false, core) == "ab");
}

TEST_CASE("system calls have names") {
    CHECK(system_call_name(0) == "read");
    CHECK(system_call_name(100'000) == "100000");
}

TEST_CASE("a black box cannot be made smaller or larger by who holds it") {
    const int box = of::supervisor::make_black_box();
    REQUIRE(box >= 0);
    CHECK(ftruncate(box, 0) != 0);
    CHECK(ftruncate(box, of::shm::BlackBox::total_bytes + 1) != 0);
    CHECK(pwrite(box, "x", 1, of::shm::BlackBox::total_bytes) < 0);
    CHECK(pwrite(box, "x", 1, of::shm::BlackBox::total_bytes - 1) == 1);
    close(box);
}
