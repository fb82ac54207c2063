#include "supervisor/descriptor_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "supervisor/notify.hpp"

namespace of::supervisor {
namespace {

constexpr int first_stored_descriptor = 3;  // SD_LISTEN_FDS_START
constexpr int settle_patience = 5;
constexpr const char* trial_name = "trial";

std::string take_variable(const char* name) {
    const char* value = std::getenv(name);
    std::string taken = value == nullptr ? "" : value;
    unsetenv(name);
    return taken;
}

int whole_number(std::string_view text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

/// A pipe whose other end somebody may hold.
struct Pipe {
    Pipe() {
        if (pipe2(ends, O_CLOEXEC) != 0) ends[0] = ends[1] = -1;
    }
    ~Pipe() {
        let_go(0);
        let_go(1);
    }
    void let_go(int end) {
        if (ends[end] >= 0) close(std::exchange(ends[end], -1));
    }
    /// Nobody holds its writing end, or nobody does within the time.
    bool ended(int within_ms) const {
        pollfd end{.fd = ends[0], .events = POLLIN, .revents = 0};
        return poll(&end, 1, within_ms) > 0;
    }
    int ends[2];
};

}  // namespace

DescriptorStore::DescriptorStore(std::string_view socket_path) : socket_(notify_socket(socket_path)) {}

DescriptorStore::~DescriptorStore() {
    if (socket_ >= 0) close(socket_);
}

DescriptorStore DescriptorStore::from_environment() {
    const char* path = std::getenv("NOTIFY_SOCKET");
    return DescriptorStore(path == nullptr ? "" : path);
}

Expected<void> DescriptorStore::check(size_t count, size_t stored) {
    if (socket_ < 0)
        return fail(ErrorKind::invalid, "this process was started by nobody who keeps descriptors (NOTIFY_SOCKET)");
    Pipe last;
    bool told = last.ends[1] >= 0;
    for (size_t i = stored + 1; i < count && told; ++i) {
        const int room = memfd_create(trial_name, MFD_CLOEXEC);
        told = room >= 0 && put(trial_name, room);
        if (room >= 0) close(room);
    }
    told = told && put(trial_name, last.ends[1]);
    last.let_go(1);
    const bool answers = told && settle();
    const bool refused = answers && last.ended(0);
    remove(trial_name);
    if (!answers) return fail(ErrorKind::failed, "the service manager does not answer");
    if (!refused) return {};
    return fail(ErrorKind::invalid,
                fmt::format("the service manager keeps fewer than {} descriptors (FileDescriptorStoreMax=)", count));
}

/// Without FDPOLL=0 the manager drops a pidfd when its process has ended, and a pipe when its other end has.
Expected<void> DescriptorStore::put(const std::string& name, int descriptor) {
    if (tell(fmt::format("FDSTORE=1\nFDNAME={}\nFDPOLL=0", name), descriptor)) return {};
    return fail(ErrorKind::failed, std::strerror(errno));
}

void DescriptorStore::remove(const std::string& name) { tell(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name), -1); }

/// The manager closes what comes with a barrier when it has come to it.
bool DescriptorStore::settle() {
    Pipe barrier;
    if (barrier.ends[1] < 0 || !tell("BARRIER=1", barrier.ends[1])) return false;
    barrier.let_go(1);
    return barrier.ended(settle_patience * patience_ms);
}

bool DescriptorStore::tell(const std::string& message, int descriptor) {
    if (socket_ < 0) return false;
    iovec text{const_cast<char*>(message.data()), message.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
    msghdr packet{};
    packet.msg_iov = &text;
    packet.msg_iovlen = 1;
    if (descriptor >= 0) {
        packet.msg_control = control;
        packet.msg_controllen = sizeof control;
        auto* header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    const auto sent = [&] { return sendmsg(socket_, &packet, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0; };
    if (sent()) return true;
    if (errno != EAGAIN || stuck_) return false;
    pollfd room{.fd = socket_, .events = POLLOUT, .revents = 0};
    stuck_ = poll(&room, 1, patience_ms) <= 0 || !sent();
    if (stuck_) errno = EAGAIN;
    return !stuck_;
}

std::vector<StoredDescriptor> take_stored_descriptors() {
    const auto owner = take_variable("LISTEN_PID");
    const auto count = whole_number(take_variable("LISTEN_FDS"));
    auto names = take_variable("LISTEN_FDNAMES");
    std::vector<StoredDescriptor> stored;
    if (whole_number(owner) != getpid()) return stored;
    for (int i = 0; i < count; ++i) {
        const auto end = std::min(names.find(':'), names.size());
        const int descriptor = first_stored_descriptor + i;
        if (fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) break;  // fewer than was said
        stored.emplace_back(names.substr(0, end), descriptor);
        names.erase(0, end + 1);
    }
    return stored;
}

}  // namespace of::supervisor
