// Each check of ofctl doctor, on a host that is made of files of our own: what is well, and what is not.
#include "supervisor/ofctl/doctor.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

using namespace of::ofctl;

namespace {

constexpr uint64_t MiB = uint64_t{1} << 20, GiB = uint64_t{1} << 30;

/// A root with the files of a healthy host; a case changes some.
struct FakeHost {
    FakeHost() {
        char name[] = "/tmp/of-doctor-XXXXXX";
        root = mkdtemp(name);
        for (const auto& [path, text] : healthy_files) write(path, text);
        for (const auto* worker : {"41", "42"}) {
            const std::string folder = root + "/proc/" + worker + "/fd";
            std::filesystem::create_directories(folder);
            std::filesystem::create_symlink(std::string("socket:[70") + worker + "]", folder + "/5");
        }
    }
    ~FakeHost() { std::filesystem::remove_all(root); }
    void write(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
        std::ofstream(root + path, std::ios::binary) << text;
    }
    void remove(const std::string& path) const { std::filesystem::remove_all(root + path); }

    static inline const std::map<std::string, std::string> healthy_files{
        {"/proc/sys/kernel/yama/ptrace_scope", "1\n"},
        {"/proc/sys/kernel/randomize_va_space", "2\n"},
        {"/proc/sys/fs/file-nr", "1024\t0\t9223372036854775807\n"},
        {"/proc/sys/kernel/core_pattern", "|/lib/systemd/systemd-coredump %P %u\n"},
        {"/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"},
        {"/proc/sys/vm/overcommit_memory", "0\n"},
        {"/proc/sys/vm/swappiness", "60\n"},
        {"/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n"},
        {"/proc/pressure/memory", "some avg10=0.00\n"},
        {"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n"},
        {"/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n"},
        {"/sys/devices/system/cpu/isolated", "\n"},
        {"/sys/devices/system/cpu/nohz_full", "(null)\n"},
        {"/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"},
        {"/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids\n"},
        {"/proc/41/cgroup", "0::/system.slice/orderflow@spot.service/storage\n"},
        {"/proc/42/cgroup", "1:name=systemd:/x\n0::/system.slice/orderflow@spot.service/communication\n"},
        {"/proc/40/environ", std::string("HOME=/\0INVOCATION_ID=x\0WATCHDOG_USEC=10000000\0", 46)},
        {"/proc/net/tcp",
         "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
         "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 7042 1 0\n"
         "   1: 0100007F:1F91 0100007F:0050 01 00000000:00000000 00:00000000 00000000  1001        0 7041 1 0\n"}};
    std::string root;
};

FolderFacts folder(const std::string& path) {
    return {.path = path, .exists = true, .mode = 040700, .uid = 1001, .bytes_free = 20 * GiB, .bytes = 100 * GiB};
}

Patient healthy(const FakeHost& host) {
    return {.files = HostFiles(host.root),
            .kernel = {.release = "6.12.8-amd64",
                       .pidfd = true,
                       .futex_waitv = true,
                       .membarrier = true,
                       .seccomp = true,
                       .landlock_abi = 6,
                       .open_files_max = 65'536,
                       .locked_bytes_max = ~uint64_t{0},
                       .core_bytes_max = ~uint64_t{0},
                       .realtime_s = 1'790'000'000,
                       .clock_synchronised = true},
            .shm = {.path = "/dev/shm", .exists = true, .bytes_free = 3 * GiB, .bytes = 4 * GiB},
            .instance = {.name = "spot",
                         .runs = true,
                         .supervisor_pid = 40,
                         .owner = 1001,
                         .wait = "sleep",
                         .state = folder("/run/orderflow/spot"),
                         .data = folder("/var/lib/orderflow/spot"),
                         .log = folder("/var/log/orderflow/spot"),
                         .workers = {{"storage", 41, 2, true, 0}, {"communication", 42, 2, true, 0}}}};
}

/// No instance: none has ever run here.
void empty(Patient& patient) { patient.instance = {.name = "orderflow", .owner = 1001}; }

Finding look(std::string_view check, const Patient& patient) {
    for (const auto& known : all_checks())
        if (known.name == check) return known.look(patient);
    FAIL("no check is called " << check);
    return {};
}

struct Golden {
    std::string check;
    std::function<void(const FakeHost&, Patient&)> change;
    Grade grade;
    std::string found;
};

/// A change of one file.
auto with(std::string path, std::string text) {
    return [path, text](const FakeHost& host, Patient&) { host.write(path, text); };
}
auto without(std::string path) {
    return [path](const FakeHost& host, Patient&) { host.remove(path); };
}
auto kernel(void (*change)(KernelFacts& facts)) {
    return [change](const FakeHost&, Patient& patient) { change(patient.kernel); };
}
auto instance(void (*change)(InstanceFacts& facts)) {
    return [change](const FakeHost&, Patient& patient) { change(patient.instance); };
}
void none(const FakeHost&, Patient&) {}

const std::vector<Golden> goldens{
    {"kernel", none, Grade::ok, "Linux 6.12.8-amd64"},
    {"kernel", kernel([](auto& k) { k.release = "5.10.0-28-amd64"; }), Grade::warn, "Linux 5.10.0-28-amd64"},
    {"kernel", kernel([](auto& k) { k.release = "4.19.0"; }), Grade::fail,
     "Linux 4.19.0: close_range and pidfd_open are missing"},
    {"kernel", kernel([](auto& k) { k.release = "odd"; }), Grade::fail,
     "Linux odd: close_range and pidfd_open are missing"},
    {"pidfd", none, Grade::ok, "deaths are seen, and signals sent, by descriptor"},
    {"pidfd", kernel([](auto& k) { k.pidfd = false; }), Grade::fail, "pidfd_open is refused: no worker can be watched"},
    {"futex_waitv", none, Grade::ok, "deaths are noticed before they are over"},
    {"futex_waitv", kernel([](auto& k) { k.futex_waitv = false; }), Grade::warn,
     "missing: a death is noticed only when it is over"},
    {"membarrier", none, Grade::ok, "writers need no fence of their own"},
    {"membarrier", kernel([](auto& k) { k.membarrier = false; }), Grade::warn,
     "missing: every ring writer pays for a fence"},
    {"seccomp", none, Grade::ok, "calls can be filtered"},
    {"seccomp", kernel([](auto& k) { k.seccomp = false; }), Grade::warn, "missing: workers may make any system call"},
    {"landlock", none, Grade::ok, "ABI 6"},
    {"landlock", kernel([](auto& k) { k.landlock_abi = 2; }), Grade::warn,
     "ABI 2: truncation, TCP ports, signals are free"},
    {"landlock", kernel([](auto& k) { k.landlock_abi = 5; }), Grade::warn, "ABI 5: signals are free"},
    {"landlock", kernel([](auto& k) { k.landlock_abi = 0; }), Grade::warn,
     "missing: workers may open any file of their user"},
    {"ptrace", none, Grade::ok, "ptrace_scope 1: a worker's stack can be read"},
    {"ptrace", without("/proc/sys/kernel/yama"), Grade::ok, "ptrace_scope 0: a worker's stack can be read"},
    {"ptrace", with("/proc/sys/kernel/yama/ptrace_scope", "2\n"), Grade::warn,
     "ptrace_scope 2: no stack of a worker without privileges"},
    {"address layout", none, Grade::ok, "address spaces are laid out at random"},
    {"address layout", with("/proc/sys/kernel/randomize_va_space", "0\n"), Grade::warn, "randomize_va_space is 0"},
    {"/dev/shm", none, Grade::ok, "3.0G of 4.0G free"},
    {"/dev/shm",
     [](const FakeHost&, Patient& p) {
         empty(p);
         p.shm.bytes = p.shm.bytes_free = 64 * MiB;
     },
     Grade::fail, "64.0M of 64.0M free, an instance takes 96.0M"},
    {"/dev/shm", [](const FakeHost&, Patient& p) { p.shm.bytes_free = 2 * MiB; }, Grade::ok, "2.0M of 4.0G free"},
    {"/dev/shm", [](const FakeHost&, Patient& p) { p.shm = {}; }, Grade::fail, "/dev/shm is missing"},
    {"locked memory", none, Grade::ok, "no limit"},
    {"locked memory", kernel([](auto& k) { k.locked_bytes_max = 8 * MiB; }), Grade::warn,
     "at most 8.0M: lock_memory would be refused"},
    {"locked memory", kernel([](auto& k) { k.locked_bytes_max = GiB; }), Grade::ok, "up to 1.0G"},
    {"open files", none, Grade::ok, "up to 65536 a process"},
    {"open files", kernel([](auto& k) { k.open_files_max = 1'024; }), Grade::warn,
     "at most 1024: too few for 1000 clients"},
    {"all files", none, Grade::ok, "1024 open on this host, no limit"},
    {"all files", with("/proc/sys/fs/file-nr", "90000\t0\t100000\n"), Grade::warn, "90000 of 100.0k open on this host"},
    {"all files", without("/proc/sys/fs/file-nr"), Grade::warn, "/proc/sys/fs/file-nr cannot be read"},
    {"core size", none, Grade::ok, "no limit"},
    {"core size", kernel([](auto& k) { k.core_bytes_max = 0; }), Grade::warn, "0: no core of a worker that dies"},
    {"core pattern", none, Grade::ok, "cores go to /lib/systemd/systemd-coredump"},
    {"core pattern", with("/proc/sys/kernel/core_pattern", "/var/crash/core.%p\n"), Grade::ok,
     "cores go to /var/crash/core.%p"},
    {"core pattern", with("/proc/sys/kernel/core_pattern", "core\n"), Grade::warn,
     "\"core\": cores go to where it was started"},
    {"core pattern", with("/proc/sys/kernel/core_pattern", "\n"), Grade::warn, "no cores are kept"},
    {"huge pages", none, Grade::ok, "madvise"},
    {"huge pages", without("/sys/kernel/mm/transparent_hugepage"), Grade::ok, "this kernel has none"},
    {"huge pages", with("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"), Grade::warn,
     "always: memory is moved about behind our back"},
    {"overcommit", none, Grade::ok, "mode 0"},
    {"overcommit", with("/proc/sys/vm/overcommit_memory", "2\n"), Grade::warn,
     "mode 2: a large mapping may be refused"},
    {"swap", none, Grade::ok, "none"},
    {"swap", with("/proc/swaps", "Filename\n/dev/sda2 partition 100 0 -2\n"), Grade::warn, "1 device, swappiness 60"},
    {"swap",
     [](const FakeHost& host, Patient&) {
         host.write("/proc/swaps", "Filename\n/dev/sda2 partition\n/dev/sdb2 partition\n");
         host.write("/proc/sys/vm/swappiness", "1\n");
     },
     Grade::ok, "2 devices, swappiness 1"},
    {"pressure", none, Grade::ok, "pressure figures are there"},
    {"pressure", without("/proc/pressure"), Grade::warn, "no pressure figures (PSI)"},
    {"governor", none, Grade::ok, "performance"},
    {"governor", with("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n"), Grade::warn,
     "powersave"},
    {"governor", without("/sys/devices/system/cpu"), Grade::ok, "the clock is not scaled here"},
    {"isolation", none, Grade::ok, "no CPU is set apart; nothing spins"},
    {"isolation", instance([](auto& i) { i.wait = "spin"; }), Grade::warn, "no CPU is set apart for workers that spin"},
    {"isolation", with("/sys/devices/system/cpu/isolated", "2-3\n"), Grade::ok, "isolated 2-3, without tick none"},
    {"clock source", none, Grade::ok, "tsc"},
    {"clock source", with("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n"), Grade::warn,
     "hpet: each look at the clock is slow"},
    {"time of day", none, Grade::ok, "synchronised"},
    {"time of day", kernel([](auto& k) { k.clock_synchronised = false; }), Grade::warn, "not synchronised"},
    {"time of day", kernel([](auto& k) { k.realtime_s = 86'400; }), Grade::fail,
     "the clock is years behind: no certificate is valid"},
    {"control groups", none, Grade::ok, "v2 with cpu, memory, pids"},
    {"control groups", with("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu\n"), Grade::warn,
     "v2 without memory pids"},
    {"control groups",
     [](const FakeHost& host, Patient&) {
         host.remove("/sys/fs/cgroup/cgroup.controllers");
         host.write("/sys/fs/cgroup/unified/cgroup.controllers", "\n");
     },
     Grade::warn, "v2 without cpu memory pids"},
    {"control groups", without("/sys/fs/cgroup"), Grade::warn,
     "no cgroup v2: limits of [supervisor.NAME] have no effect"},
    {"worker groups", none, Grade::ok, "2 of 2 workers have one of their own"},
    {"worker groups", with("/proc/42/cgroup", "0::/user.slice\n"), Grade::warn, "1 of 2 workers have one of their own"},
    {"state folder", none, Grade::ok, "mode 0700, uid 1001"},
    {"state folder", instance([](auto& i) { i.state.exists = false; }), Grade::fail, "/run/orderflow/spot is missing"},
    {"data folder", none, Grade::ok, "mode 0700, uid 1001"},
    {"data folder", instance([](auto& i) { i.data.mode = 040777; }), Grade::fail,
     "mode 0777, uid 1001: anyone may write there"},
    {"data folder", instance([](auto& i) { i.data.uid = 0; }), Grade::fail, "owned by uid 0, workers are uid 1001"},
    {"log folder", none, Grade::ok, "mode 0700, uid 1001"},
    {"log folder", instance([](auto& i) { i.log.mode = 040500; }), Grade::fail, "mode 0500, uid 1001"},
    {"data space", none, Grade::ok, "20.0G of 100.0G free"},
    {"data space", instance([](auto& i) { i.data.bytes_free = 500 * MiB; }), Grade::warn, "500.0M of 100.0G free"},
    {"data space", instance([](auto& i) { i.data.bytes_free = 1 * MiB; }), Grade::fail, "1.0M of 100.0G free"},
    {"log space", none, Grade::ok, "20.0G of 100.0G free"},
    {"log space", instance([](auto& i) { i.log.bytes_free = 0; }), Grade::fail, "0 of 100.0G free"},
    {"segments", none, Grade::ok, "each is its owner's alone"},
    {"segments", instance([](auto& i) { i.open_segments = {"spot.control"}; }), Grade::fail,
     "1 may be opened by others, such as spot.control"},
    {"leftovers", none, Grade::ok, "no segments of dead instances"},
    {"leftovers", instance([](auto& i) {
         i.stale_segments = 27;
         i.stale_bytes = 90 * MiB;
     }),
     Grade::warn, "27 segments of dead instances, 90.0M"},
    {"sandbox", none, Grade::ok, "all 2 workers are in theirs"},
    {"sandbox", instance([](auto& i) {
         i.workers[0].seccomp = 0;
         i.workers[1].capabilities = 1;
     }),
     Grade::warn, "not whole: storage: no filter; communication: capabilities"},
    {"watchdog", none, Grade::ok, "systemd watches the supervisor"},
    {"watchdog", with("/proc/40/environ", std::string("HOME=/\0INVOCATION_ID=x\0", 23)), Grade::warn,
     "systemd does not watch the supervisor"},
    {"watchdog", with("/proc/40/environ", "HOME=/"), Grade::ok, "not under systemd"},
    {"watchdog", with("/proc/40/environ", ""), Grade::ok, "the supervisor's environment is hidden from this user"},
    {"clock steps", none, Grade::ok, "the wall clock was not set"},
    {"clock steps", instance([](auto& i) { i.clock_steps = 2; }), Grade::warn,
     "the wall clock was set 2 times while it ran"},
    {"orphans", none, Grade::ok, "workers end with their supervisor"},
    {"orphans", instance([](auto& i) { i.outlives = true; }), Grade::ok, "workers outlive their supervisor"},
    {"orphans", instance([](auto& i) {
         i.outlives = true;
         i.runs = false;
     }),
     Grade::warn, "2 workers wait for the next supervisor"},
    {"port", none, Grade::ok, "communication listens on 8080"},
    {"port", with("/proc/net/tcp", ""), Grade::fail, "communication listens on no port"},
    {"port", [](const FakeHost&, Patient& p) { empty(p); }, Grade::warn, "8080, the default, is another's"},
    {"port",
     [](const FakeHost& host, Patient& p) {
         empty(p);
         host.remove("/proc/net/tcp");
     },
     Grade::ok, "8080, the default, is free"},
};

}  // namespace

TEST_CASE("each check says what is well and what is not") {
    for (const auto& golden : goldens) {
        const FakeHost host;
        auto patient = healthy(host);
        golden.change(host, patient);
        const auto finding = look(golden.check, patient);
        INFO(golden.check << ": " << finding.found);
        CHECK(finding.found == golden.found);
        CHECK(finding.grade == golden.grade);
        CHECK(finding.fix.empty() == (finding.grade == Grade::ok));
    }
}

TEST_CASE("every check has a case in which all is well and one in which it is not") {
    std::set<std::string> well, ill;
    for (const auto& golden : goldens) (golden.grade == Grade::ok ? well : ill).insert(golden.check);
    CHECK(all_checks().size() >= 30);
    for (const auto& check : all_checks()) {
        INFO(check.name);
        CHECK(well.contains(std::string(check.name)));
        CHECK(ill.contains(std::string(check.name)));
    }
}

TEST_CASE("a host of which nothing can be read, and that has no instance, is still looked over") {
    Patient patient{.files = HostFiles("/nowhere"), .kernel = {}, .shm = {}, .instance = {}};
    for (const auto& check : all_checks()) {
        const auto finding = check.look(patient);
        INFO(check.name);
        CHECK_FALSE(finding.found.empty());
    }
}

TEST_CASE("what is found and what mends it fit into eighty columns") {
    for (const auto& golden : goldens) {
        const FakeHost host;
        auto patient = healthy(host);
        golden.change(host, patient);
        const auto finding = look(golden.check, patient);
        INFO(golden.check);
        CHECK(finding.found.size() <= 58);
        CHECK(finding.fix.size() <= 78);
    }
}

TEST_CASE("the machine that this runs on is looked over") {
    const auto patient = examine("no-such-instance");
    CHECK_FALSE(patient.kernel.release.empty());
    CHECK(patient.shm.exists);
    CHECK_FALSE(patient.instance.runs);
    CHECK(patient.instance.workers.empty());
}

TEST_CASE("what cannot be read to its end is read as far as it can be") {
    CHECK(HostFiles().text("/proc/self/mem").empty());  // its first page is not mapped: the read fails, not the opening
    CHECK(HostFiles().list("/proc/self/task/0").empty());
    CHECK_FALSE(HostFiles().text("/proc/self/stat").empty());
}
