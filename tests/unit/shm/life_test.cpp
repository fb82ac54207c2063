#include "shm/life.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

using namespace of::shm;

namespace {

/// A line of the control page that children share.
struct SharedSlot {
    ProcessSlot* at = static_cast<ProcessSlot*>(
        mmap(nullptr, sizeof(ProcessSlot), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    ~SharedSlot() { munmap(at, sizeof(ProcessSlot)); }
};

}  // namespace

TEST_CASE("nobody lives who was not started, and who was started lives before it says so") {
    const SharedSlot slot;
    REQUIRE_FALSE(lives(*slot.at));
    slot.at->desk.pid = 1;
    REQUIRE(lives(*slot.at));
    REQUIRE_FALSE(has_bound_life(*slot.at));
}

TEST_CASE("who ends in order has lived") {
    const SharedSlot slot;
    slot.at->desk.pid = 1;
    {
        const Life life(slot.at->own.life);
        REQUIRE(lives(*slot.at));
        REQUIRE(has_bound_life(*slot.at));
    }
    REQUIRE_FALSE(lives(*slot.at));
    REQUIRE_FALSE(has_bound_life(*slot.at));
}

TEST_CASE("who is killed has lived") {
    const SharedSlot slot;
    slot.at->desk.pid = 1;
    const pid_t child = fork();
    if (child == 0) {
        const Life life(slot.at->own.life);
        raise(SIGKILL);
    }
    REQUIRE(waitpid(child, nullptr, 0) == child);
    REQUIRE_FALSE(lives(*slot.at));
    REQUIRE_FALSE(has_bound_life(*slot.at));
}
