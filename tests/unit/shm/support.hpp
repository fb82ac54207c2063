// Segments for tests: named after the test's process, unlinked at the end of the scope.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>

#include "shm/segment.hpp"

namespace of::test {

class ScopedSegment {
  public:
    explicit ScopedSegment(shm::SegmentSpec wanted) : spec(std::move(wanted)) {
        spec.instance = "unit-" + std::to_string(getpid());
        shm::remove_segment(spec.name());
        auto created = shm::Segment::create(spec);
        REQUIRE(created.has_value());
    }
    ~ScopedSegment() { shm::remove_segment(spec.name()); }
    ScopedSegment(const ScopedSegment&) = delete;

    shm::Segment open(shm::Access access = shm::Access::read_write) const {
        auto opened = shm::Segment::open(spec, access);
        REQUIRE(opened.has_value());
        return std::move(*opened);
    }
    std::string path() const { return "/dev/shm/" + spec.name(); }

    shm::SegmentSpec spec;
};

inline shm::SegmentSpec ring_spec(shm::SegmentKind kind, uint64_t slots, uint32_t slot_bytes = 128) {
    return {.channel = kind == shm::SegmentKind::queue ? "queue" : "broadcast",
            .kind = kind,
            .slots = slots,
            .slot_bytes = slot_bytes,
            .layout = "ring 1"};
}

/// A message whose bytes prove that it is whole.
struct Proof {
    uint64_t number;
    uint64_t words[14];

    void fill(uint64_t n) {
        number = n;
        for (uint64_t i = 0; i < std::size(words); ++i) words[i] = n * 0x9e37'79b9'7f4a'7c15 + i;
    }
    bool whole() const {
        for (uint64_t i = 0; i < std::size(words); ++i) {
            if (words[i] != number * 0x9e37'79b9'7f4a'7c15 + i) return false;
        }
        return true;
    }
};
static_assert(sizeof(Proof) == 120);

}  // namespace of::test
