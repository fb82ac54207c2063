// The check of an instance as a whole: each segment by itself (shm/verify.hpp), and against what this program knows of
// messages, states and the wiring. Reads only; for live, dead and copied segments.
#pragma once

#include <string>
#include <vector>

#include "shm/verify.hpp"
#include "supervisor/ofctl/attach.hpp"

namespace of::ofctl {

enum class Verdict : uint8_t {
    ok,
    corrupt,   ///< a promise of FORMAT.md is not kept
    mismatch,  ///< sound, but of another version or layout
    missing,   ///< the wiring has it, the folder does not
    surplus,   ///< the folder has it, the wiring does not
    denied,    ///< may not be read by this user
};
std::string_view name_of(Verdict verdict);

struct SegmentReport {
    std::string channel;
    Verdict verdict = Verdict::ok;
    std::string content;  ///< "broadcast, 8192 slots, 20 messages"
    shm::Findings findings;

    /// Notes what is wrong; what is corrupt stays so.
    void worsen(Verdict to) {
        if (verdict == Verdict::ok || to == Verdict::corrupt) verdict = to;
    }
};

/// Reports on these channels, or on all that are there or should be; `missing` when a named one is not there.
Expected<std::vector<SegmentReport>> verify_instance(const Source& source, const std::vector<std::string>& channels,
                                                     shm::Depth depth = shm::Depth::each_slot);

/// Where a segment's schema text differs from the one that this program has for the channel, message by message.
void verify_schema(shm::Findings& findings, std::string_view found, std::string_view expected);

}  // namespace of::ofctl
