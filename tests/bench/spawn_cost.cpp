#include "tests/bench/spawn_cost.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <stdexcept>

namespace of::bench {
namespace {

constexpr int64_t patience_ns = 20'000'000'000;
/// What follows a start is none of the next one's.
constexpr int64_t settle_ns = 200'000'000;

/// To this moment, which the figures of /proc are not.
int64_t cpu_ns_of(pid_t pid) {
    clockid_t clock{};
    timespec used{};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        throw std::runtime_error(fmt::format("no CPU clock of process {}", pid));
    return int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
}

/// A child of ours whose main thread stops at the end of each vfork.
class Traced {
  public:
    explicit Traced(pid_t pid) : pid_(pid), is_(ptrace(PTRACE_SEIZE, pid_, nullptr, PTRACE_O_TRACEVFORKDONE) == 0) {}
    ~Traced() {
        if (!is_) return;
        ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr);
        waitpid(pid_, nullptr, __WALL);
        ptrace(PTRACE_DETACH, pid_, nullptr, nullptr);
    }
    Traced(const Traced&) = delete;
    bool is() const { return is_; }

    /// Lets it go on from a stop, if it is at one. If that was the end of a vfork: the CPU it had had then; else 0.
    int64_t serve() const {
        int status = 0;
        if (waitpid(pid_, &status, __WALL | WNOHANG) != pid_) return 0;
        if (!WIFSTOPPED(status)) throw std::runtime_error("the supervisor has ended");
        const int event = status >> 16;
        const auto used = event == PTRACE_EVENT_VFORK_DONE ? cpu_ns_of(pid_) : 0;
        ptrace(PTRACE_CONT, pid_, nullptr, event == 0 ? WSTOPSIG(status) : 0);
        return used;
    }

  private:
    pid_t pid_;
    bool is_;
};

template <typename Condition>
int64_t serve_until(const Traced& traced, Condition condition, const char* what) {
    const auto deadline = monotonic_ns() + patience_ns;
    for (;;) {
        const auto used = traced.serve();
        if (condition(used)) return used;
        if (monotonic_ns() > deadline) throw std::runtime_error(fmt::format("{} never came", what));
        poll(nullptr, 0, 1);
    }
}

}  // namespace

std::vector<int64_t> measure_spawns(Supervised& supervised, size_t kills) {
    std::vector<int64_t> spent;
    const Traced traced(supervised.pid());
    if (!traced.is()) return spent;
    for (size_t i = 0; i < kills; ++i) {
        auto& child = supervised.child(i % children_each);
        const auto lives = child.lives.load(std::memory_order_acquire);
        const auto lived_since = child.first_ns.load(std::memory_order_relaxed);
        const auto due = std::max(lived_since + life_ns, monotonic_ns() + settle_ns);
        serve_until(
            traced, [&](int64_t) { return monotonic_ns() > due; }, "the child's time");
        const auto before = cpu_ns_of(supervised.pid());
        ::kill(child.pid.load(std::memory_order_relaxed), SIGKILL);
        const auto after = serve_until(
            traced, [](int64_t used) { return used != 0; }, "the spawn");
        spent.push_back(after - before);
        const auto has_come = [&](int64_t) { return child.lives.load(std::memory_order_acquire) != lives; };
        serve_until(traced, has_come, "the successor");
    }
    std::ranges::sort(spent);
    return spent;
}

}  // namespace of::bench
