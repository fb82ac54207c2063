// How a process ended, learnt without waiting for it as a parent does.
#include "supervisor/pidfd_info.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "shm/segment.hpp"

using namespace of::supervisor;

namespace {

/// Ends as it is told, and stays a zombie.
struct Ended {
    Ended(int exit_code, int signal) : pid(fork()) {
        if (pid == 0) {
            if (signal != SIGKILL && signal != 0)
                std::signal(signal, SIG_DFL);  // the test's own handler would report it
            if (signal != 0) kill(getpid(), signal);
            _exit(exit_code);
        }
        pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
        pollfd end{.fd = pidfd, .events = POLLIN, .revents = 0};
        REQUIRE(poll(&end, 1, 10'000) == 1);
    }
    ~Ended() { close(pidfd); }
    void reap() const { REQUIRE(waitpid(pid, nullptr, 0) == pid); }
    pid_t pid;
    int pidfd;
};

}  // namespace

TEST_CASE("how a process ended is known while nobody has reaped it, and after that or not at all") {
    for (const auto& [exit_code, signal] : {std::pair{0, 0}, {3, 0}, {-1, SIGKILL}, {-1, SIGTERM}}) {
        INFO(exit_code << " " << signal);
        const Ended ended(exit_code, signal);
        const auto before = exit_status_of(ended.pidfd, ended.pid);
        CHECK(before.exit_code == exit_code);
        CHECK(before.signal == signal);
        ended.reap();
        const auto after = exit_status_of(ended.pidfd, ended.pid);
        CHECK((!after.known() || (after.exit_code == exit_code && after.signal == signal)));
        CHECK_FALSE(after.describe().empty());
    }
    CHECK_FALSE(exit_status_of(-1, 0).known());
}

TEST_CASE("a number that has passed to another process opens nothing") {
    const auto self = static_cast<uint64_t>(getpid());
    const auto start = of::shm::process_start(self);
    const int own = open_pidfd(self, start);
    CHECK(own >= 0);
    close(own);
    CHECK(open_pidfd(self, start + 1) == -1);
}
