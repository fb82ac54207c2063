#include "supervisor/notify.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace of::supervisor {
namespace {

/// 0 for anything that is no number.
int64_t number_in(std::string_view text) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() && number > 0 ? number : 0;
}

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

}  // namespace

int notify_socket(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() < 2 || path.size() >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) return -1;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0 || connect(descriptor, reinterpret_cast<const sockaddr*>(&address), size) == 0)
        return descriptor;
    close(descriptor);
    return -1;
}

Notify::Notify(std::string_view socket_path, std::string_view watchdog_us, std::string_view watchdog_pid)
    : socket_(notify_socket(socket_path)) {
    if (watchdog_pid.empty() || number_in(watchdog_pid) == getpid()) watchdog_ns_ = number_in(watchdog_us) * 1000;
}

Notify& Notify::operator=(Notify&& other) noexcept {
    std::swap(socket_, other.socket_);
    std::swap(watchdog_ns_, other.watchdog_ns_);
    std::swap(told_ns_, other.told_ns_);
    std::swap(status_, other.status_);
    return *this;
}

Notify::~Notify() {
    if (socket_ >= 0) close(socket_);
}

Notify Notify::from_environment() {
    return {variable("NOTIFY_SOCKET"), variable("WATCHDOG_USEC"), variable("WATCHDOG_PID")};
}

void Notify::reloading(int64_t now_ns) { tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now_ns / 1000)); }

void Notify::extend(int64_t ns) { tell(fmt::format("EXTEND_TIMEOUT_USEC={}", ns / 1000)); }

void Notify::status(const std::string& line) {
    if (!wanted() || line == status_) return;
    status_ = line;
    tell("STATUS=" + line);
}

void Notify::alive(int64_t now_ns) {
    if (watchdog_ns_ == 0 || now_ns - told_ns_ < watchdog_ns_ / 2 - watchdog_ns_ / 8) return;
    told_ns_ = now_ns;
    tell("WATCHDOG=1");
}

void Notify::tell(const std::string& message) const {
    if (socket_ >= 0) send(socket_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace of::supervisor
