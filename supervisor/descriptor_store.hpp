// The service manager's store of descriptors (sd_notify(3), FDSTORE=1; FileDescriptorStoreMax= of systemd): what lies
// in it outlives this process, and is handed to the next one that is started for the same service (sd_listen_fds(3)).
// No libsystemd.
//
// Used by the supervisor's loop only. A message that the manager does not take within patience_ms is refused; after
// that nobody waits for it any more. What the store refuses it closes in silence: check() finds that out beforehand.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shm/error.hpp"

namespace of::supervisor {

class DescriptorStore {
  public:
    static constexpr int patience_ms = 1000;

    /// `socket_path` as in NOTIFY_SOCKET.
    explicit DescriptorStore(std::string_view socket_path);
    DescriptorStore(DescriptorStore&& other) noexcept
        : socket_(std::exchange(other.socket_, -1)), stuck_(other.stuck_) {}
    DescriptorStore& operator=(DescriptorStore&&) = delete;
    ~DescriptorStore();
    static DescriptorStore from_environment();

    /// Whether the manager keeps `count` descriptors, `stored` of which it has already: tried with others that mean
    /// nothing; the reason if it does not.
    Expected<void> check(size_t count, size_t stored = 0);
    Expected<void> put(const std::string& name, int descriptor);
    /// All of this name, if there are any.
    void remove(const std::string& name);
    /// Waits until the manager has dealt with what it was told so far; false if it does not within five times
    /// patience_ms.
    bool settle();

  private:
    bool tell(const std::string& message, int descriptor);

    int socket_ = -1;
    bool stuck_ = false;
};

/// One descriptor that the store has given back, and its name there.
using StoredDescriptor = std::pair<std::string, int>;

/// What the store has given back to this process, in no order; nothing if it was started without any. Once: the
/// variables that say so are removed, and the descriptors close on exec.
std::vector<StoredDescriptor> take_stored_descriptors();

}  // namespace of::supervisor
