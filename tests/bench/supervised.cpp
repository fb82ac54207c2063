#include "tests/bench/supervised.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <ctime>
#include <fstream>
#include <stdexcept>

namespace of::bench {
namespace {

namespace fs = std::filesystem;

constexpr int64_t patience_ns = 20'000'000'000;

fs::path own_folder() { return fs::read_symlink("/proc/self/exe").parent_path(); }
fs::path trivial_worker() { return own_folder() / "of-trivial-worker"; }

std::string child_folder(size_t index) { return fmt::format("child{}", index); }

/// A folder for each child, with `run` in it, as daemontools, runit and s6 want it.
void make_services(const fs::path& folder) {
    for (size_t i = 0; i < children_each; ++i) {
        const auto service = folder / "services" / child_folder(i);
        fs::create_directories(service);
        fs::create_symlink(trivial_worker(), service / "run");
        std::ofstream(service / slot_file) << folder.string() << "/record " << i;
        std::ofstream(service / "notification-fd") << "3\n";  // s6 alone reads it
    }
}

/// The least that a supervisor can be: spawn, wait for any death by its pidfd, spawn again.
[[noreturn]] void be_the_floor(const fs::path& folder) {
    std::array<pollfd, children_each> deaths{};
    std::array<pid_t, children_each> pids{};
    const auto start = [&](size_t i) {
        pids[i] = spawn({trivial_worker()}, folder / "services" / child_folder(i), false);
        deaths[i] = {.fd = static_cast<int>(syscall(SYS_pidfd_open, pids[i], 0)), .events = POLLIN, .revents = 0};
    };
    for (size_t i = 0; i < children_each; ++i) start(i);
    for (;;) {
        poll(deaths.data(), deaths.size(), -1);
        for (size_t i = 0; i < children_each; ++i) {
            if (deaths[i].revents == 0) continue;
            waitpid(pids[i], nullptr, 0);
            close(deaths[i].fd);
            start(i);
        }
    }
}

pid_t start_floor(const fs::path& folder) {
    make_services(folder);
    const pid_t pid = fork();
    if (pid == 0) be_the_floor(folder);
    return pid;
}

pid_t start_scanner(const std::string& program, const fs::path& folder) {
    make_services(folder);
    return spawn({program, (folder / "services").string()}, folder);
}

pid_t start_ours(const fs::path& folder) {
    const auto bin = folder / "bin";
    fs::create_directories(bin);
    for (const auto* kind : {"logger", "storage", "communication", "binance"})
        fs::create_symlink(trivial_worker(), bin / fmt::format("of-{}", kind));
    // A child that lives for a second is a healthy one, as with the peers.
    std::ofstream(folder / "orderflow.toml") << fmt::format(
        "[instance]\nname = \"bench-{}\"\ngovernor = \"bench-{}\"\nstate_dir = \"state\"\ndata_dir = \"data\"\nlog_dir "
        "= \"log\"\n"
        "bin_dir = \"{}\"\n[supervisor]\nstop_timeout_ms = 100\n[supervisor.restart]\nhealthy_after_ms = 500\n"
        "[rings]\nmarket_slots = 8192\n",
        getpid(), getpid(), bin.string());
    setenv(record_variable, (folder / "record").c_str(), 1);
    const auto pid =
        spawn({supervisor_program().string(), "run", "--config", "orderflow.toml"}, folder);
    unsetenv(record_variable);
    return pid;
}

bool installed(const std::string& program) {
    const char* path = std::getenv("PATH");
    std::string rest = path == nullptr ? "" : path;
    while (!rest.empty()) {
        const auto end = std::min(rest.find(':'), rest.size());
        if (access((rest.substr(0, end) + "/" + program).c_str(), X_OK) == 0) return true;
        rest.erase(0, end + 1);
    }
    return false;
}

}  // namespace

pid_t spawn(const std::vector<std::string>& command, const fs::path& folder, bool silent) {
    std::vector<char*> argv;
    for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    if (silent)
        for (const int number : {1, 2})
            posix_spawn_file_actions_addopen(&actions, number, (folder / "output").c_str(),
                                             O_WRONLY | O_CREAT | O_APPEND, 0600);
    pid_t pid = 0;
    const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error(fmt::format("{}: {}", command[0], std::strerror(error)));
    return pid;
}

fs::path supervisor_program() { return own_folder() / "../../supervisor/ofsupervisor"; }

int64_t monotonic_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

double ms_at(const std::vector<int64_t>& sorted, double share) {
    if (sorted.empty()) return 0;
    const auto index = static_cast<size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5);
    return static_cast<double>(sorted[index]) / 1e6;
}

Spent spent_by(pid_t pid) {
    Spent spent;
    for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", pid))) {
        int64_t ns = 0;
        std::ifstream(task.path() / "schedstat") >> ns;
        spent.on_core_ns += ns;
        std::ifstream status(task.path() / "status");
        for (std::string word; status >> word;)
            if (int64_t times = 0; word == "voluntary_ctxt_switches:" && status >> times) spent.wakes += times;
    }
    return spent;
}

Records::Records(const fs::path& folder) : path_((folder / "record").string()) {
    const int file = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const size_t bytes = records_max * sizeof(ChildRecord);
    if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0)
        throw std::runtime_error(path_ + " cannot be made");
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED) throw std::runtime_error(path_ + " cannot be mapped");
    records_ = static_cast<ChildRecord*>(memory);
}

Records::~Records() { munmap(records_, records_max * sizeof(ChildRecord)); }

Supervised::Supervised(const SupervisorKind& kind, const fs::path& parent) : kind_(kind), folder_(parent / kind.key) {
    fs::create_directories(folder_);
    records_ = std::make_unique<Records>(folder_);
    const auto started = monotonic_ns();
    pid_ = kind.start(folder_);
    for (size_t i = 0; i < children_each; ++i) {
        while (child(i).lives.load(std::memory_order_acquire) == 0) {
            if (monotonic_ns() > started + patience_ns)
                throw std::runtime_error(kind.name + " did not start its children");
            poll(nullptr, 0, 1);
        }
        spawned_ns_ = std::max(spawned_ns_, child(i).first_ns.load(std::memory_order_relaxed) - started);
        start_ns_ = std::max(start_ns_, child(i).ready_ns.load(std::memory_order_relaxed) - started);
    }
}

/// Ours removes its segments when it is asked to stop. The others' children have supervisors of their own, which only
/// the end of all descendants ends.
Supervised::~Supervised() {
    if (kind_.ours && waitpid(pid_, nullptr, WNOHANG) == 0) {
        ::kill(pid_, SIGTERM);
        waitpid(pid_, nullptr, 0);
    }
}

std::vector<SupervisorKind> supervisor_kinds(std::vector<std::string>& absent) {
    std::vector<SupervisorKind> kinds{{"ofsupervisor", "ofsupervisor", start_ours, true, true},
                                      {"floor", "floor: posix_spawn, pidfd, poll", start_floor, false, true}};
    const struct {
        const char* key;
        const char* program;
    } peers[] = {{"daemontools", "svscan"}, {"runit", "runsvdir"}, {"s6", "s6-svscan"}};
    for (const auto& [key, program] : peers) {
        if (!installed(program)) {
            absent.push_back(fmt::format("{} ({} is not on PATH)", key, program));
            continue;
        }
        kinds.push_back({key, key, [scanner = std::string(program)](const fs::path& folder) {
                             return start_scanner(scanner, folder);
                         }});
    }
    return kinds;
}

void end_descendants() {
    for (;;) {
        std::ifstream file(fmt::format("/proc/self/task/{}/children", gettid()));
        std::vector<pid_t> children;
        for (pid_t pid = 0; file >> pid;) children.push_back(pid);
        if (children.empty()) return;
        for (const auto pid : children) ::kill(pid, SIGKILL);
        for (const auto pid : children) waitpid(pid, nullptr, 0);
    }
}

}  // namespace of::bench
