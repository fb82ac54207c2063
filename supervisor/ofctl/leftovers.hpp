// Segments in /dev/shm that nobody will use again: those of instances of which no process lives.
//
// An instance lives while any process that made one of its segments, its supervisor, or one of its workers does, while
// any process has one of its segments mapped, or while somebody holds the lock of its state directory. Files that are
// no segments of this layout version, or belong to another user, are not looked into any further.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace of::ofctl {

struct LeftSegment {
    std::string name;  ///< "<instance>.<channel>"
    uint64_t bytes;
    uint64_t generation;
    uint64_t creator_pid;
    bool creator_lives;
};

struct InstanceSegments {
    std::string name;
    bool lives = false;
    std::vector<LeftSegment> segments;  ///< by name

    uint64_t bytes() const;
};

/// This user's instances in /dev/shm, by name; only the one called `only` unless that is empty.
std::vector<InstanceSegments> find_instances(const std::string& only);

/// Unlinks the segments of a dead instance, and returns how many were removed: none if it lives by now, and none that
/// has been made anew since it was looked at.
size_t remove_leftovers(const InstanceSegments& instance);

}  // namespace of::ofctl
