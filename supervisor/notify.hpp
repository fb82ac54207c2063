// What a supervisor tells systemd, in the protocol of sd_notify(3), without its library: datagrams of KEY=VALUE lines
// to $NOTIFY_SOCKET. Without that variable nothing is told. A message that the manager does not take at once is lost:
// the loop never waits for it.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace of::supervisor {

/// A datagram socket that sends to `path` ("@" first: abstract); -1 if it cannot.
int notify_socket(std::string_view path);

class Notify {
  public:
    Notify() = default;
    /// `socket_path` as in NOTIFY_SOCKET ("@" first: abstract), `watchdog_us` as in WATCHDOG_USEC, which counts only if
    /// `watchdog_pid` is empty or this process.
    Notify(std::string_view socket_path, std::string_view watchdog_us, std::string_view watchdog_pid);
    Notify(Notify&& other) noexcept { *this = std::move(other); }
    Notify& operator=(Notify&& other) noexcept;
    ~Notify();
    static Notify from_environment();

    bool wanted() const { return socket_ >= 0; }
    void ready() { tell("READY=1"); }
    void reloading(int64_t now_ns);
    void stopping() { tell("STOPPING=1"); }
    /// A start or a stop goes on for at most so long: the manager's own limit is moved.
    void extend(int64_t ns);
    /// One line for `systemctl status`; told when it changes.
    void status(const std::string& line);
    /// The loop works: told twice in each period of the watchdog, if the loop comes by as often.
    void alive(int64_t now_ns);
    /// How often it must come by at least; the largest number without a watchdog.
    int64_t alive_every_ns() const {
        return watchdog_ns_ == 0 ? std::numeric_limits<int64_t>::max() : watchdog_ns_ / 2;
    }

  private:
    void tell(const std::string& message) const;

    int socket_ = -1;
    int64_t watchdog_ns_ = 0;
    int64_t told_ns_ = 0;
    std::string status_;
};

}  // namespace of::supervisor
