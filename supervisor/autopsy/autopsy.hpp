// What of-autopsy does: looks at what a dead worker has left, while its successor already works, and puts it into a
// bundle. Maps every segment read-only, trusts nothing that lies in them, and holds up nobody: it runs behind the
// supervisor's back, which only waits for its answer.
#pragma once

#include <string>

#include "shm/error.hpp"
#include "supervisor/autopsy/facts.hpp"

namespace of::autopsy {

struct Case {
    Facts facts;             ///< what the supervisor knows
    std::string live_stack;  ///< taken while it hung
    int black_box = -1;      ///< descriptor
    size_t keep = 1;
    uint64_t total_bytes_max = 0;
    uint64_t bundle_bytes_max = 0;
};
/// Facts and, behind an empty line, the live stack: as the supervisor hands them over.
Case read_case(std::string_view text);

struct Written {
    std::string id;
    uint64_t bytes = 0;
};
/// Writes the bundle, then removes the oldest that are too many.
Expected<Written> write_bundle(Case examined);

}  // namespace of::autopsy
