// A manager's socket, path and abstract, and what arrives there.
#include "supervisor/notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>

using of::supervisor::Notify;

namespace {

class Manager {
  public:
    explicit Manager(const std::string& path_of_socket) : path(path_of_socket) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        if (path[0] == '@') address.sun_path[0] = '\0';
        descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
        REQUIRE(bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    }
    ~Manager() {
        close(descriptor);
        if (path[0] != '@') unlink(path.c_str());
    }
    /// "" when nothing has come.
    std::string take() const {
        char text[512];
        const auto bytes = recv(descriptor, text, sizeof text, 0);
        return {text, static_cast<size_t>(std::max<ssize_t>(bytes, 0))};
    }
    std::string path;
    int descriptor = -1;
};

}  // namespace

TEST_CASE("systemd is told on sockets of both kinds") {
    const auto id = std::to_string(getpid());
    for (const auto& path : {"/tmp/of-notify-" + id, "@of-notify-" + id}) {
        const Manager manager(path);
        Notify notify(path, "", "");
        REQUIRE(notify.wanted());
        notify.ready();
        CHECK(manager.take() == "READY=1");
        notify.reloading(5'000'000);
        CHECK(manager.take() == "RELOADING=1\nMONOTONIC_USEC=5000");
        notify.stopping();
        CHECK(manager.take() == "STOPPING=1");
        notify.status("4 of 4 workers run");
        CHECK(manager.take() == "STATUS=4 of 4 workers run");
        notify.status("4 of 4 workers run");
        CHECK(manager.take().empty());
    }
}

TEST_CASE("the watchdog is fed at least twice a period, and only when it is ours") {
    const auto path = "@of-watchdog-" + std::to_string(getpid());
    const Manager manager(path);
    constexpr int64_t second = 1'000'000'000;
    Notify notify(path, "10000000", std::to_string(getpid()));
    int fed = 0;
    for (int64_t now = 1000 * second; now < 1100 * second; now += second / 2) {
        notify.alive(now);
        fed += manager.take() == "WATCHDOG=1" ? 1 : 0;
    }
    CHECK(fed >= 20);
    CHECK(fed <= 30);
    Notify hasty(path, "200000", "");
    CHECK(hasty.alive_every_ns() == second / 10);
    for (int64_t now = 1000 * second; now < 1001 * second; now += hasty.alive_every_ns()) {
        hasty.alive(now);
        CHECK(manager.take() == "WATCHDOG=1");
    }
    for (const auto* period : {"", "0", "-5", "soon"}) {
        Notify unwatched(path, period, "");
        unwatched.alive(1000 * second);
        CHECK(manager.take().empty());
        CHECK(unwatched.alive_every_ns() == std::numeric_limits<int64_t>::max());
    }
    Notify anothers(path, "10000000", "1");
    anothers.alive(1000 * second);
    CHECK(manager.take().empty());
}

TEST_CASE("without a manager nothing is told, and nothing waits") {
    for (const auto* path : {"", "/nowhere/socket", "relative", "@"}) {
        Notify notify(path, "1000000", "");
        CHECK_FALSE(notify.wanted());
        notify.ready();
        notify.alive(1'000'000'000'000);
    }
    Notify too_long("/" + std::string(200, 'x'), "", "");
    CHECK_FALSE(too_long.wanted());
    // A manager that reads nothing: the loop goes on.
    const auto path = "@of-full-" + std::to_string(getpid());
    const Manager manager(path);
    Notify notify(path, "", "");
    for (int i = 0; i < 10'000; ++i) notify.ready();
    CHECK(manager.take() == "READY=1");
}
