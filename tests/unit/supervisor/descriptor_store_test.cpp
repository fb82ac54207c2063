// What the service manager's store is told, and what comes back from it; the manager is a socket of ours.
#include "supervisor/descriptor_store.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "supervisor/kept.hpp"
#include "supervisor/state_table.hpp"

using namespace of;
using namespace of::supervisor;

namespace {

/// Keeps up to `room` descriptors until it ends.
class Keeper {
  public:
    explicit Keeper(size_t room) : room_(room) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path + 1, path.data() + 1, path.size() - 1);
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
        REQUIRE(bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    }
    ~Keeper() {
        shutdown(socket_, SHUT_RD);
        if (thread_.joinable()) thread_.join();
        close(socket_);
        for (const int descriptor : kept_) close(descriptor);
    }
    void listen() {
        thread_ = std::thread([this] {
            while (!take().empty()) continue;
        });
    }
    /// Waits for one message; "" after the end.
    std::string take() {
        char text[512];
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
        iovec place{text, sizeof text};
        msghdr packet{};
        packet.msg_iov = &place;
        packet.msg_iovlen = 1;
        packet.msg_control = control;
        packet.msg_controllen = sizeof control;
        const auto bytes = recvmsg(socket_, &packet, MSG_CMSG_CLOEXEC);
        const std::string message(text, static_cast<size_t>(std::max<ssize_t>(bytes, 0)));
        if (const auto* header = CMSG_FIRSTHDR(&packet); header != nullptr) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
            const bool keeps = message.starts_with("FDSTORE=1\n") && kept_.size() < room_;
            keeps ? kept_.push_back(descriptor) : static_cast<void>(close(descriptor));
        }
        return message;
    }
    const std::string path = "@of-store-" + std::to_string(getpid());

  private:
    int socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    size_t room_;
    std::vector<int> kept_;
    std::thread thread_;
};

struct Variables {
    Variables(std::string_view pid, std::string_view count, std::string_view names) {
        setenv("LISTEN_PID", std::string(pid).c_str(), 1);
        setenv("LISTEN_FDS", std::string(count).c_str(), 1);
        setenv("LISTEN_FDNAMES", std::string(names).c_str(), 1);
    }
};

/// Descriptors of its own, as a store gives them back.
std::vector<StoredDescriptor> given(const std::vector<std::string>& names) {
    std::vector<StoredDescriptor> stored;
    for (const auto& name : names) stored.emplace_back(name, open("/dev/null", O_RDONLY | O_CLOEXEC));
    return stored;
}

}  // namespace

TEST_CASE("a descriptor is stored and removed by its name") {
    Keeper keeper(1);
    DescriptorStore store(keeper.path);
    REQUIRE(store.put("storage.3.pidfd", STDIN_FILENO));
    CHECK(keeper.take() == "FDSTORE=1\nFDNAME=storage.3.pidfd\nFDPOLL=0");
    store.remove("storage.3.pidfd");
    CHECK(keeper.take() == "FDSTOREREMOVE=1\nFDNAME=storage.3.pidfd");
}

TEST_CASE("a manager that keeps as many as are needed is found out from one that does not") {
    for (const auto& [room, well] : {std::pair{23, true}, {24, true}, {22, false}, {0, false}}) {
        INFO(room);
        Keeper keeper(static_cast<size_t>(room));
        keeper.listen();
        DescriptorStore store(keeper.path);
        CHECK(store.check(23).has_value() == well);
    }
    for (const auto& [room, well] : {std::pair{23, true}, {22, false}}) {
        INFO(room);
        Keeper keeper(static_cast<size_t>(room));
        keeper.listen();
        DescriptorStore store(keeper.path);
        for (int i = 0; i < 22; ++i) REQUIRE(store.put("of the one before", STDIN_FILENO));
        CHECK(store.check(23, 22).has_value() == well);
    }
    CHECK_FALSE(DescriptorStore("").check(1));
    CHECK_FALSE(DescriptorStore("/nowhere/notify").check(1));
}

TEST_CASE("a manager that takes nothing is waited for once") {
    Keeper keeper(0);
    DescriptorStore store(keeper.path);
    size_t sent = 0;
    while (sent < 100'000 && store.put("bell.0", STDIN_FILENO)) ++sent;
    REQUIRE(sent < 100'000);
    for (int i = 0; i < 50; ++i) CHECK_FALSE(store.put("bell.0", STDIN_FILENO));
}

TEST_CASE("stored descriptors come back to the process that they are meant for, once") {
    const auto self_pid = std::to_string(getpid());
    {
        const Variables variables("1", "2", "a:b");
        CHECK(take_stored_descriptors().empty());
    }
    for (const auto* count : {"", "0", "-1", "many"}) {
        const Variables variables(self_pid, count, "a");
        CHECK(take_stored_descriptors().empty());
    }
    CHECK(std::getenv("LISTEN_FDS") == nullptr);
    CHECK(take_stored_descriptors().empty());
}

TEST_CASE("of two texts of a configuration the newer one counts") {
    Kept kept(given({"config.9", "config.10", "config.x", "state"}));
    const auto [generation, descriptor] = kept.take_config();
    CHECK(generation == 10);
    CHECK(descriptor >= 0);
    close(descriptor);
    CHECK(kept.has("config.9"));
    CHECK_FALSE(kept.has("config.10"));
}

TEST_CASE("what must be the same for the next supervisor is read as it was written") {
    const KeptState state{
        "/etc/order flow/spot.toml", "00ff", {{"spot.control", 5}, {"spot.market.0", uint64_t{1} << 63}}};
    const auto read = KeptState::read(state.write());
    REQUIRE(read);
    CHECK(read->config_path == state.config_path);
    CHECK(read->layouts == state.layouts);
    CHECK(read->generations == state.generations);
    CHECK_FALSE(KeptState::read(-1));
    CHECK_FALSE(KeptState::read(open("/dev/null", O_RDONLY | O_CLOEXEC)));
}

TEST_CASE("a worker is what the control page says of its present incarnation") {
    auto slot = std::make_unique<shm::ProcessSlot>();
    const ProcessId storage{ProcessKind::storage, 0};
    const auto state_of = [&](WorkerState told, WorkerState word, uint64_t pid) {
        slot->desk.incarnation = 7;
        slot->desk.state = static_cast<uint32_t>(told);
        slot->desk.pid = pid;
        slot->own.incarnation = 7;
        slot->own.state = static_cast<uint32_t>(word);
        slot->own.ready_ns = 9;
        Kept kept(given({"storage.6.pidfd", "storage.7.pidfd"}));
        const auto worker = kept.take_worker(storage, *slot);
        CHECK((worker.pidfd >= 0) == (pid != 0));
        CHECK(kept.has("storage.6.pidfd"));
        if (worker.pidfd >= 0) close(worker.pidfd);
        // One that drains may hang as well: who has no time of its own is not judged.
        CHECK((worker.ready_ns != 0) == (static_cast<State>(worker.state) == State::running));
        return static_cast<State>(worker.state);
    };
    using enum WorkerState;
    CHECK(state_of(spawned, running, 1) == State::running);
    CHECK(state_of(spawned, draining, 1) == State::running);
    CHECK(state_of(spawned, ready, 1) == State::starting);
    CHECK(state_of(spawned, spawned, 1) == State::starting);
    CHECK(state_of(failed, running, 0) == State::waiting);
    CHECK(state_of(parked, running, 0) == State::parked);
    CHECK(state_of(stopped, running, 0) == State::idle);
}
