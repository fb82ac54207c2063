// The files of a delegated subtree, as plain files: what is written where, and what is said of what is not there.
#include "supervisor/cgroups.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace of::supervisor;

namespace {

class Subtree {
  public:
    Subtree() {
        char name[] = "/tmp/of-cgroups-XXXXXX";
        folder = mkdtemp(name);
        for (const auto* file :
             {"cgroup.subtree_control", "supervisor/cgroup.procs", "storage/cgroup.procs", "storage/memory.max"})
            make(file);
    }
    ~Subtree() { std::filesystem::remove_all(folder); }
    void make(const std::string& file) const {
        const auto path = std::filesystem::path(folder) / file;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream{path};
    }
    std::string text(const std::string& file) const {
        std::ifstream stream(folder + "/" + file);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    std::string folder;
};

}  // namespace

TEST_CASE("a worker's leaf is given its limits, and a controller that is not there is named") {
    const Subtree subtree;
    auto cgroups = Cgroups::open(subtree.folder);
    REQUIRE(cgroups.delegated());
    CHECK(subtree.text("supervisor/cgroup.procs") == "0");
    const auto lost = cgroups.limit("storage", {.memory_bytes = 64 << 20, .tasks_max = 32});
    CHECK(subtree.text("storage/memory.max") == "67108864");
    REQUIRE(lost.size() == 1);
    CHECK(lost.front().find("tasks_max") == 0);
    CHECK(lost.front().find("pids.max") != std::string::npos);
    CHECK(cgroups.leaf("storage") >= 0);
    CHECK(cgroups.leaf("nobody") == -1);
    CHECK(cgroups.limit("storage", {}).empty());
    CHECK(subtree.text("storage/memory.max").starts_with("max"));
}

TEST_CASE("without delegation only what was asked for is missed") {
    Cgroups none;
    CHECK_FALSE(none.delegated());
    CHECK(none.limit("storage", {}).empty());
    CHECK(none.leaf("storage") == -1);
    const auto lost = none.limit("storage", {.memory_bytes = 1 << 20, .cpu_weight = 50});
    REQUIRE(lost.size() == 2);
    CHECK(lost.front() == "memory_mb: no cgroup v2 is delegated to this instance");
    CHECK_FALSE(Cgroups::open("/nowhere").delegated());
}
