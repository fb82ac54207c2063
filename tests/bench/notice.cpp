#include "tests/bench/notice.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "shm/life.hpp"
#include "supervisor/death_watch.hpp"
#include "tests/bench/supervised.hpp"

namespace of::bench {
namespace {

constexpr int patience_ms = 20'000;
constexpr size_t mib = size_t{1} << 20;

/// The life word of a worker, in memory that it shares with us.
class Word {
  public:
    Word()
        : memory_(
              mmap(nullptr, sizeof(std::atomic<uint32_t>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
        if (memory_ == MAP_FAILED) throw std::runtime_error(fmt::format("shared memory: {}", std::strerror(errno)));
    }
    ~Word() { munmap(memory_, sizeof(std::atomic<uint32_t>)); }
    Word(const Word&) = delete;
    std::atomic<uint32_t>& word() const { return *static_cast<std::atomic<uint32_t>*>(memory_); }

  private:
    void* memory_;
};

/// The last core that we may use is the victim's while this lives; ours are the others. Nothing is done about a single
/// one.
class Apart {
  public:
    explicit Apart(bool wanted) {
        if (!wanted || sched_getaffinity(0, sizeof before_, &before_) != 0 || CPU_COUNT(&before_) < 2) return;
        while (CPU_ISSET(core_, &before_) == 0) --core_;
        cpu_set_t others = before_;
        CPU_CLR(core_, &others);
        divided_ = sched_setaffinity(0, sizeof others, &others) == 0;
    }
    ~Apart() {
        if (divided_) sched_setaffinity(0, sizeof before_, &before_);
    }
    Apart(const Apart&) = delete;

    void move_victim() const {
        if (!divided_) return;
        cpu_set_t alone;
        CPU_ZERO(&alone);
        CPU_SET(core_, &alone);
        sched_setaffinity(0, sizeof alone, &alone);
    }

  private:
    cpu_set_t before_{};
    size_t core_ = CPU_SETSIZE - 1;
    bool divided_ = false;
};

/// Has all of its memory, owns the word, says so, and waits to be killed.
[[noreturn]] void be_a_victim(std::atomic<uint32_t>& word, size_t bytes, const Apart& apart, int bound) noexcept {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    apart.move_victim();
    void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(1);
    std::memset(memory, 1, bytes);
    const shm::Life life(word);
    if (write(bound, "", 1) != 1) _exit(1);
    for (;;) pause();
}

/// A process that has all of its memory and owns the word, when this returns.
pid_t live(std::atomic<uint32_t>& word, size_t bytes, const Apart& apart) {
    int bound[2];
    if (pipe(bound) != 0) throw std::runtime_error("no pipe");
    const pid_t child = fork();
    if (child == 0) be_a_victim(word, bytes, apart, bound[1]);
    close(bound[1]);
    char byte = 0;
    const bool lives = child > 0 && read(bound[0], &byte, 1) == 1;
    close(bound[0]);
    if (!lives) throw std::runtime_error("a process with memory of its own does not come up");
    return child;
}

void kill_one(supervisor::DeathWatch& watch, std::atomic<uint32_t>& word, const Apart& apart, NoticeFigures& figures) {
    watch.begin(0);
    const pid_t child = live(word, figures.resident_mib * mib, apart);
    pollfd told[] = {{.fd = watch.event_fd(), .events = POLLIN, .revents = 0},
                     {.fd = static_cast<int>(syscall(SYS_pidfd_open, child, 0)), .events = POLLIN, .revents = 0}};
    const auto killed = monotonic_ns();
    ::kill(child, SIGKILL);
    while (told[0].fd >= 0 || told[1].fd >= 0) {
        if (poll(told, 2, patience_ms) <= 0) throw std::runtime_error("a death is not told");
        const auto passed = monotonic_ns() - killed;
        if (told[0].fd >= 0 && told[0].revents != 0) {
            figures.notice_ns.push_back(passed);
            told[0].fd = -1;
        }
        if (told[1].fd >= 0 && told[1].revents != 0) {
            figures.pidfd_ns.push_back(passed);
            close(std::exchange(told[1].fd, -1));
        }
    }
    watch.take();
    waitpid(child, nullptr, 0);
}

std::string span_text(const std::vector<int64_t>& sorted) {
    return sorted.empty() ? "not on this kernel"
                          : fmt::format("{:.3f} (p50), {:.3f} (max) ms", ms_at(sorted, 0.5), ms_at(sorted, 1));
}

std::string line_of(const NoticeFigures& figures) {
    return fmt::format("{:<34}{}; its pidfd {}\n",
                       fmt::format("death of {} MiB{}", figures.resident_mib, figures.apart ? ", on its own core" : ""),
                       span_text(figures.notice_ns), span_text(figures.pidfd_ns));
}

std::string object_of(const NoticeFigures& figures) {
    return fmt::format(R"({{"kills":{},"resident_mib":{},"notice_p50_ms":{:.4f},"notice_max_ms":{:.4f},)"
                       R"("pidfd_p50_ms":{:.4f},"pidfd_max_ms":{:.4f}}})",
                       figures.pidfd_ns.size(), figures.resident_mib, ms_at(figures.notice_ns, 0.5),
                       ms_at(figures.notice_ns, 1), ms_at(figures.pidfd_ns, 0.5), ms_at(figures.pidfd_ns, 1));
}

}  // namespace

NoticeFigures measure_notices(size_t kills, size_t resident_mib, bool apart) {
    NoticeFigures figures{.resident_mib = resident_mib, .apart = apart, .notice_ns = {}, .pidfd_ns = {}};
    const Apart cores(apart);  // before the watch, whose thread has our cores
    const Word life;
    supervisor::DeathWatch watch({&life.word()});
    for (size_t i = 0; i < kills; ++i) kill_one(watch, life.word(), cores, figures);
    std::ranges::sort(figures.notice_ns);
    std::ranges::sort(figures.pidfd_ns);
    return figures;
}

std::string table_of(const Notices& notices) { return line_of(notices.apart) + line_of(notices.anywhere); }

std::string json_of(const Notices& notices) {
    return fmt::format(R"({{"apart":{},"anywhere":{}}})", object_of(notices.apart), object_of(notices.anywhere));
}

}  // namespace of::bench
