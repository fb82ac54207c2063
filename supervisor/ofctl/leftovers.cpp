#include "supervisor/ofctl/leftovers.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>

#include "supervisor/ofctl/attach.hpp"
#include "supervisor/ofctl/mappings.hpp"

namespace of::ofctl {
namespace {

/// A descriptor that is closed at the end of the scope; -1 for none.
class OpenFile {
  public:
    explicit OpenFile(const std::string& path)
        : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {}
    ~OpenFile() {
        if (descriptor_ >= 0) close(descriptor_);
    }
    OpenFile(const OpenFile&) = delete;
    int descriptor() const { return descriptor_; }

  private:
    int descriptor_;
};

/// What the file of this name says of itself, if it is a segment of this user and of this name.
std::optional<LeftSegment> read_segment(const std::string& name, std::string& instance) {
    const OpenFile file("/dev/shm/" + name);
    struct stat status{};
    if (file.descriptor() < 0 || fstat(file.descriptor(), &status) != 0) return {};
    const bool plain = S_ISREG(status.st_mode) && status.st_uid == geteuid();
    if (!plain || static_cast<uint64_t>(status.st_size) < shm::body_offset) return {};
    const auto bytes = std::make_unique<shm::SegmentHeader>();
    if (pread(file.descriptor(), static_cast<void*>(bytes.get()), sizeof *bytes, 0) != sizeof *bytes) return {};
    const auto& header = *bytes;
    if (header.magic != shm::segment_magic || header.version != shm::layout_version) return {};
    instance = shm::text_of(header.instance);
    if (instance + "." + std::string(shm::text_of(header.channel)) != name) return {};
    return LeftSegment{name, static_cast<uint64_t>(status.st_size), header.generation, header.creator_pid,
                       shm::creator_lives(header)};
}

/// Whether the control page names a process that lives.
bool anyone_lives(const View& view) {
    if (view.supervisor_alive()) return true;
    const auto workers = view.workers();
    return std::ranges::any_of(workers, &ProcessView::alive);
}

bool lives(const InstanceSegments& instance, const std::map<std::string, size_t>& mapped) {
    const auto in_use = [&](const LeftSegment& segment) {
        return segment.creator_lives || mapped.contains(segment.name);
    };
    if (std::ranges::any_of(instance.segments, in_use)) return true;
    const auto view = View::open({.instance = instance.name});
    return view && anyone_lives(*view);
}

/// The lock that a supervisor holds from before it adopts segments: with it in hand, none begins to.
std::string lock_path(const InstanceSegments& instance) {
    const auto view = View::open({.instance = instance.name});
    return view ? std::string(shm::text_of(view->control().instance.state_dir)) + "/lock" : std::string();
}

}  // namespace

uint64_t InstanceSegments::bytes() const {
    uint64_t sum = 0;
    for (const auto& segment : segments) sum += segment.bytes;
    return sum;
}

std::vector<InstanceSegments> find_instances(const std::string& only) {
    std::map<std::string, InstanceSegments> found;
    for (const auto& name : shm::list_segments(only)) {
        std::string instance;
        auto segment = read_segment(name, instance);
        if (!segment || (!only.empty() && instance != only)) continue;
        found[instance].name = instance;
        found[instance].segments.push_back(std::move(*segment));
    }
    std::vector<InstanceSegments> instances;
    const auto mapped = found.empty() ? std::map<std::string, size_t>() : mapped_by_others();
    for (auto& [name, instance] : found) {
        instance.lives = lives(instance, mapped);
        instances.push_back(std::move(instance));
    }
    return instances;
}

size_t remove_leftovers(const InstanceSegments& instance) {
    const OpenFile lock(lock_path(instance));
    if (lock.descriptor() >= 0 && flock(lock.descriptor(), LOCK_EX | LOCK_NB) != 0) return 0;
    if (lives(instance, mapped_by_others())) return 0;
    size_t removed = 0;
    for (const auto& segment : instance.segments) {
        std::string name;
        const auto now = read_segment(segment.name, name);
        if (now && now->generation == segment.generation && !now->creator_lives)
            removed += shm::remove_segment(segment.name) ? 1 : 0;
    }
    return removed;
}

}  // namespace of::ofctl
