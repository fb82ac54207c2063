// Real processes and their robust futexes: who is said to be dying, and who no more.
#include "supervisor/death_watch.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "shm/life.hpp"

using namespace of;
using of::supervisor::DeathWatch;

namespace {

constexpr int notice_patience_ms = 30'000;

/// Of two workers, in memory that children share.
struct Words {
    static constexpr size_t bytes = 2 * sizeof(std::atomic<uint32_t>);
    std::atomic<uint32_t>* at = static_cast<std::atomic<uint32_t>*>(
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    ~Words() { munmap(at, bytes); }
};

/// Owns the word, and has ended when this returns.
void live_and_die(std::atomic<uint32_t>& word) {
    int bound[2];
    REQUIRE(pipe(bound) == 0);
    const pid_t child = fork();
    if (child == 0) {
        const shm::Life life(word);
        static_cast<void>(!write(bound[1], "", 1));
        for (;;) pause();
    }
    char byte = 0;
    REQUIRE(read(bound[0], &byte, 1) == 1);
    close(bound[0]);
    close(bound[1]);
    kill(child, SIGKILL);
    REQUIRE(waitpid(child, nullptr, 0) == child);
}

/// False, said aloud, on a kernel where there is nothing to test.
bool gives_notice(const DeathWatch& watch) {
    if (watch.event_fd() < 0) WARN("skipped: this kernel has no futex_waitv");
    return watch.event_fd() >= 0;
}

void wait_for_notice(const DeathWatch& watch) {
    pollfd notice{.fd = watch.event_fd(), .events = POLLIN, .revents = 0};
    REQUIRE(poll(&notice, 1, notice_patience_ms) == 1);
}

}  // namespace

TEST_CASE("who dies is noticed, and nobody else") {
    const Words words;
    DeathWatch watch({&words.at[0], &words.at[1]});
    if (!gives_notice(watch)) return;
    live_and_die(words.at[1]);
    wait_for_notice(watch);
    REQUIRE(watch.take() == std::vector<size_t>{1});
    REQUIRE(watch.take().empty());
}

TEST_CASE("a notice that comes after the successor says nothing of the successor") {
    const Words words;
    DeathWatch watch({&words.at[0], &words.at[1]});
    if (!gives_notice(watch)) return;
    live_and_die(words.at[0]);
    wait_for_notice(watch);
    watch.begin(0);
    REQUIRE(watch.take().empty());
    live_and_die(words.at[0]);
    wait_for_notice(watch);
    REQUIRE(watch.take() == std::vector<size_t>{0});
}

TEST_CASE("a successor that dies before the watch has looked is noticed as well") {
    const Words words;
    DeathWatch watch({&words.at[0], &words.at[1]});
    if (!gives_notice(watch)) return;
    for (int i = 0; i < 200; ++i) {
        INFO("life " << i);
        watch.begin(0);
        live_and_die(words.at[0]);
        wait_for_notice(watch);
        REQUIRE(watch.take() == std::vector<size_t>{0});
    }
}
