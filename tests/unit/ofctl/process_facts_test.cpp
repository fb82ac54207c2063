// Texts as the kernel writes them, in a folder of our own.
#include "supervisor/ofctl/process_facts.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using of::ofctl::process_facts;

namespace {

struct ProcFolder {
    ProcFolder() {
        char name[] = "/tmp/of-proc-XXXXXX";
        path = mkdtemp(name);
        write("stat",
              "77 (of-x) y) S 1 77 77 0 -1 4194560 1 0 0 0 5 6 0 0 -51 -5 1 0 100 9000 800 18446744073709551615 1 1 0 "
              "0 0 "
              "0 0 4096 0 0 0 0 17 1 10 1 0 0 0 0 0 0 0 0 0 0 0\n");
        write("status",
              "Name:\tof-x) y\nUid:\t1001\t1002\t1003\t1004\nVmRSS:\t    5120 kB\nCpus_allowed_list:\t0,2-3\n"
              "CapEff:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t2\n");
        write("schedstat", "123456789 22 33\n");
        write("oom_score_adj", "-500\n");
        write("limits",
              "Limit                     Soft Limit           Hard Limit           Units     \n"
              "Max core file size        0                    unlimited            bytes     \n"
              "Max open files            4096                 8192                 files     \n"
              "Max locked memory         unlimited            unlimited            bytes     \n");
        write("cgroup", "4:memory:/x\n0::/system.slice/orderflow@spot.service/storage\n");
    }
    ~ProcFolder() { std::filesystem::remove_all(path); }
    void write(const std::string& file, const std::string& text) const { std::ofstream(path + "/" + file) << text; }
    std::string path;
};

}  // namespace

TEST_CASE("what the kernel says of a process is read whole") {
    const ProcFolder folder;
    const auto facts = process_facts(folder.path);
    REQUIRE(facts);
    CHECK(facts->rss_bytes == 5120 << 10);
    CHECK(facts->cpu_ns == 123'456'789);
    CHECK(facts->nice == -5);
    CHECK(facts->scheduler == "fifo 10");
    CHECK(facts->cpus == "0,2-3");
    CHECK(facts->oom_score_adjust == -500);
    CHECK(facts->open_files == "4096");
    CHECK(facts->core_bytes == "0");
    CHECK(facts->locked_bytes == "unlimited");
    CHECK(facts->cgroup == "/system.slice/orderflow@spot.service/storage");
    CHECK(facts->uid == 1001);
    CHECK(facts->seccomp == 2);
    CHECK(facts->no_new_privs);
    CHECK(facts->capabilities == 0xa80425fb);
    CHECK_FALSE(facts->shut_in());  // it holds capabilities
}

TEST_CASE("a process that is gone has no facts, and our own has") {
    CHECK_FALSE(process_facts("/proc/none"));
    const ProcFolder folder;
    folder.write("stat", "77 (cut");
    CHECK_FALSE(process_facts(folder.path));
    const auto own = process_facts("/proc/self");
    REQUIRE(own);
    CHECK(own->rss_bytes > 0);
    CHECK_FALSE(own->cpus.empty());
    CHECK(own->uid == getuid());
}
