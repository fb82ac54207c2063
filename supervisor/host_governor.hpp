// The governor page that all instances of this user on this host share: made by the first supervisor that needs it,
// removed by the last one that stops in order.
//
// Each supervisor holds a shared lock on the segment's file; who gets it alone is the last. Killed supervisors lose
// their lock with their life, and leave a page that the next one goes on with: what is spent stays spent, and a ban
// stays a ban. A page that was never finished is made anew.
#pragma once

#include <utility>

#include "shm/governor_page.hpp"
#include "shm/segment.hpp"
#include "supervisor/segment_guard.hpp"

namespace of::supervisor {

class HostGovernor {
  public:
    static Expected<HostGovernor> open(const std::string& name);
    HostGovernor(HostGovernor&& other) noexcept
        : spec_(std::move(other.spec_)), lock_(std::exchange(other.lock_, -1)), held_(std::move(other.held_)) {}
    ~HostGovernor();

    /// Lets go of the page, and unlinks it unless another supervisor uses it or a ban in it goes on.
    void release();
    int lock_descriptor() const { return lock_; }
    const HeldSegment& held() const { return *held_; }
    /// Removes what has the page's name if nobody can use it. For open(), behind damage.
    static void remove_if_useless(const std::string& name);

  private:
    HostGovernor(shm::SegmentSpec spec, int lock) : spec_(std::move(spec)), lock_(lock) {}
    bool locked_file_is_linked() const;
    void remove_half_made() const;

    shm::SegmentSpec spec_;
    int lock_;
    std::optional<HeldSegment> held_;
};

}  // namespace of::supervisor
