#include "supervisor/host_governor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "supervisor/wire.hpp"

namespace of::supervisor {
namespace {

/// Others may be making or removing the page at this moment.
constexpr int tries_max = 50;
constexpr int try_again_ms = 10;
/// By then whoever began to make it would have finished, were it alive.
constexpr int abandoned_after = tries_max / 2;

shm::SegmentSpec governor_spec(const std::string& name) {
    return shm::make_spec(name, "governor", shm::SegmentKind::page, "governor", 0, 0, "");
}

std::string path_of(const shm::SegmentSpec& spec) { return "/dev/shm/" + spec.name(); }

/// Whether someone else's page is only just being made.
bool unfinished(const Error& error, const shm::SegmentSpec& spec) {
    const auto other = shm::Segment::inspect(path_of(spec));
    return error.kind == ErrorKind::corrupt && !other;
}

/// Whether the file is what is left of a maker who was killed at it: empty, or whole but never declared ready.
bool half_made(int descriptor, const shm::SegmentSpec& spec) {
    struct stat status{};
    auto state = shm::SegmentState::init;
    if (fstat(descriptor, &status) != 0) return false;
    if (status.st_size == 0) return true;
    return static_cast<uint64_t>(status.st_size) == spec.total_bytes() &&
           pread(descriptor, &state, sizeof state, offsetof(shm::SegmentHeader, state)) == sizeof state &&
           state == shm::SegmentState::init;
}

bool shuts_any(const shm::GovernorPage& page) {
    return std::ranges::any_of(page.venues, [](const shm::VenueRecord& venue) {
        return venue.shut_until_ns.load(std::memory_order_relaxed) > now_ns();
    });
}

}  // namespace

Expected<HostGovernor> HostGovernor::open(const std::string& name) {
    auto spec = governor_spec(name);
    Error last{ErrorKind::busy, fmt::format("segment {} comes and goes", spec.name())};
    for (int attempt = 0; attempt < tries_max; ++attempt) {
        if (attempt > 0) poll(nullptr, 0, try_again_ms);
        if (auto made = shm::Segment::make(spec); !made && made.error().kind != ErrorKind::busy)
            return tl::make_unexpected(made.error());
        HostGovernor governor(spec, ::open(path_of(spec).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        if (governor.lock_ < 0 && errno == ENOENT) continue;
        if (governor.lock_ < 0)
            return fail(ErrorKind::denied, fmt::format("segment {}: {}", spec.name(), std::strerror(errno)));
        if (flock(governor.lock_, LOCK_SH | LOCK_NB) != 0 || !governor.locked_file_is_linked()) continue;
        auto opened = shm::Segment::open(spec, shm::Access::read_write);
        if (opened) {
            auto held = HeldSegment::hold(spec.name(), opened->header());
            if (!held) return tl::make_unexpected(held.error());
            governor.held_.emplace(std::move(*held));
            return governor;
        }
        last = opened.error();
        if (attempt >= abandoned_after) governor.remove_half_made();
        if (unfinished(last, spec)) continue;
        return fail(last.kind, fmt::format("{}; if no instance of this user runs: rm {}", last.message, path_of(spec)));
    }
    return tl::make_unexpected(last);
}

void HostGovernor::remove_if_useless(const std::string& name) {
    const auto spec = governor_spec(name);
    // Another supervisor may have made a good one already.
    const auto there = shm::Segment::open(spec, shm::Access::read_only);
    if (!there && there.error().kind != ErrorKind::missing) shm::remove_segment(spec.name());
}

HostGovernor::~HostGovernor() {
    if (lock_ >= 0) close(lock_);
}

bool HostGovernor::locked_file_is_linked() const {
    struct stat held{};
    struct stat named{};
    return fstat(lock_, &held) == 0 && stat(path_of(spec_).c_str(), &named) == 0 && held.st_ino == named.st_ino;
}

/// Its maker, should it live after all, finds another page under the name, and goes on with that.
void HostGovernor::remove_half_made() const {
    if (flock(lock_, LOCK_EX | LOCK_NB) == 0 && locked_file_is_linked() && half_made(lock_, spec_))
        shm::remove_segment(spec_.name());
}

void HostGovernor::release() {
    if (lock_ < 0) return;
    if (flock(lock_, LOCK_EX | LOCK_NB) == 0 && locked_file_is_linked()) {
        const auto segment = shm::Segment::open(spec_, shm::Access::read_only);
        if (segment && !shuts_any(segment->page<shm::GovernorPage>())) shm::remove_segment(spec_.name());
    }
    close(std::exchange(lock_, -1));
}

}  // namespace of::supervisor
