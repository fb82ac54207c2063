#include "tests/bench/own_workers.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "proto/types.hpp"
#include "shm/control_page.hpp"
#include "shm/segment.hpp"
#include "tests/bench/supervised.hpp"

namespace of::bench {
namespace {

namespace fs = std::filesystem;

constexpr int64_t patience_ns = 20'000'000'000;
/// What is under way after a start comes to its end.
constexpr int settle_ms = 3000;

uint16_t free_port() {
    const int trial = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    const bool found = trial >= 0 && bind(trial, generic, size) == 0 && getsockname(trial, generic, &size) == 0;
    close(trial);
    if (!found) throw std::runtime_error("no port is free");
    return ntohs(address.sin_port);
}

/// Of the market ring, so that all segments are about 64 MiB: the kernel zeroes each byte of them.
constexpr size_t market_slots = 262'144;

class OwnInstance {
  public:
    explicit OwnInstance(const fs::path& folder) : name_(fmt::format("bench-own-{}", getpid())) {
        const auto port = free_port();
        std::ofstream(folder / "orderflow.toml") << fmt::format(
            "[instance]\nname = \"{0}\"\ngovernor = \"{0}\"\nstate_dir = \"state\"\ndata_dir = \"data\"\nlog_dir = "
            "\"log\"\n[rings]\nmarket_slots = {2}\n[binance]\nsymbols = [\"BTCUSDT\"]\nstream_url = "
            "\"wss://127.0.0.1:9\"\nrest_url = "
            "\"https://127.0.0.1:9\"\n[communication]\nlisten = \"127.0.0.1:{1}\"\n",
            name_, port, market_slots);
        started_ns_ = monotonic_ns();
        pid_ = spawn({supervisor_program().string(), "run", "--config", "orderflow.toml"}, folder);
    }
    OwnInstance(const OwnInstance&) = delete;
    ~OwnInstance() {
        kill(pid_, SIGTERM);
        waitpid(pid_, nullptr, 0);
    }

    pid_t pid() const { return pid_; }
    /// From the start to the last worker's own word that it is ready.
    int64_t wait_until_ready() const {
        while (monotonic_ns() < started_ns_ + patience_ns) {
            if (const auto ready = last_ready()) return *ready - started_ns_;
            if (waitpid(pid_, nullptr, WNOHANG) != 0) break;
            poll(nullptr, 0, 10);  // seldom: each look costs the start something
        }
        throw std::runtime_error("ofsupervisor did not start its workers");
    }

    double segments_mib() const {
        double bytes = 0;
        for (const auto& name : shm::list_segments(name_))
            bytes += static_cast<double>(fs::file_size("/dev/shm/" + name));
        return bytes / (1 << 20);
    }

  private:
    std::optional<int64_t> last_ready() const {
        const auto control = shm::Segment::inspect("/dev/shm/" + name_ + ".control");
        if (!control) return {};
        const auto& page = control->page<shm::ControlPage>();
        const auto used = std::min<size_t>(page.instance.processes.load(std::memory_order_acquire), shm::processes_max);
        int64_t last = 0;
        for (size_t i = 1; i < used; ++i) {
            const auto& own = page.processes[i].own;
            if (own.state.load(std::memory_order_acquire) != static_cast<uint32_t>(WorkerState::running)) return {};
            last = std::max(last, own.ready_ns.load(std::memory_order_relaxed));
        }
        return used > 1 ? std::optional(last) : std::nullopt;
    }

    std::string name_;
    int64_t started_ns_ = 0;
    pid_t pid_ = 0;
};

/// Its share of all memory that it maps, without segments: what others map as well counts by its share.
int64_t memory_kib(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/smaps", pid));
    int64_t all = 0;
    bool segment = false;
    for (std::string line; std::getline(file, line);) {
        if (line.find('-') < line.find(':')) segment = line.find(" /dev/shm/") != std::string::npos;
        if (line.starts_with("Pss:") && !segment) all += std::atoll(line.c_str() + 4);
    }
    return all;
}

void look_while_idle(pid_t pid, int64_t idle_s, OwnFigures& figures) {
    poll(nullptr, 0, settle_ms);
    const auto before = spent_by(pid);
    const auto begun = monotonic_ns();
    poll(nullptr, 0, static_cast<int>(idle_s * 1000));
    const auto after = spent_by(pid);
    const auto passed = static_cast<double>(monotonic_ns() - begun);
    figures.idle_percent = 100.0 * static_cast<double>(after.on_core_ns - before.on_core_ns) / passed;
    figures.memory_kib = memory_kib(pid);
    figures.idle_wakes_per_s = 1e9 * static_cast<double>(after.wakes - before.wakes) / passed;
}

}  // namespace

OwnFigures measure_own_workers(size_t starts, int64_t idle_s) {
    // Who names a file of certificates has all of it read at each start; a service has no such variable.
    unsetenv("SSL_CERT_FILE");
    char name[] = "/tmp/of-bench-own-XXXXXX";
    const fs::path folder = mkdtemp(name);
    OwnFigures figures;
    for (size_t i = 0; i < starts; ++i) {
        const OwnInstance instance(folder);
        figures.ready_ns.push_back(instance.wait_until_ready());
        figures.segments_mib = instance.segments_mib();
        if (i + 1 == starts) look_while_idle(instance.pid(), idle_s, figures);
    }
    fs::remove_all(folder);
    std::ranges::sort(figures.ready_ns);
    return figures;
}

std::string table_of(const OwnFigures& figures) {
    return fmt::format(
        "{:<34}{:.1f} ms (p50), {:.1f} (max) of {} starts, {:.0f} MiB of segments\n"
        "{:<34}{:.3f} % of a core, {:.1f} wakes/s, {} KiB of memory beside the segments\n",
        "four real workers ready", ms_at(figures.ready_ns, 0.5), ms_at(figures.ready_ns, 1), figures.ready_ns.size(),
        figures.segments_mib, "supervisor, idle", figures.idle_percent, figures.idle_wakes_per_s, figures.memory_kib);
}

std::string json_of(const OwnFigures& figures) {
    return fmt::format(R"({{"starts":{},"segments_mib":{:.1f},"ready_p50_ms":{:.3f},"ready_max_ms":{:.3f},)"
                       R"("idle_percent_of_a_core":{:.4f},"idle_wakes_per_s":{:.2f},"memory_kib":{}}})",
                       figures.ready_ns.size(), figures.segments_mib, ms_at(figures.ready_ns, 0.5),
                       ms_at(figures.ready_ns, 1), figures.idle_percent, figures.idle_wakes_per_s, figures.memory_kib);
}

}  // namespace of::bench
