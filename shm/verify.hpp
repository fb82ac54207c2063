// Whether a segment keeps every promise of FORMAT.md: for tools, on live, dead and copied segments.
//
// Reads only, waits for nobody, and may run beside any writer. What is wrong in a first look is looked at again, and
// only what stays wrong is a finding, since a living writer may be in the middle of a commit. Segment::inspect() has
// verified size, magic, version and shape before; a segment that it refuses has no findings, but an error.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "shm/control_page.hpp"
#include "shm/segment.hpp"

namespace of::shm {

/// One promise that is not kept.
struct Finding {
    uint64_t offset;  ///< in the segment's file
    std::string what;
    std::string found;
    std::string expected;
};

/// The first findings in the order of the check, and how many there are.
class Findings {
  public:
    static constexpr size_t kept_max = 16;

    void add(uint64_t offset, std::string_view what, std::string found, std::string expected);
    void add(uint64_t offset, std::string_view what, uint64_t found, std::string expected);
    /// Leaves what `other` has found as well.
    void keep_common(const Findings& other);
    bool empty() const { return total_ == 0; }
    uint64_t total() const { return total_; }
    const std::vector<Finding>& kept() const { return kept_; }

  private:
    std::vector<Finding> kept_;
    uint64_t total_ = 0;
};

/// How the bytes came to be here. A copy that was made while its ring was written is no picture of one moment: its
/// slots may be up to a lap ahead of its end.
/// Into a played one (was_played) a recording was put: messages that the recording does not have are zeroed slots.
enum class Taken : uint8_t { in_place, while_written, played };

/// How closely a ring is looked at. `quick` is its counters and the two slots at its end, which prove them; where these
/// look wrong it is looked at whole.
enum class Depth : uint8_t { each_slot, quick };

/// Header, schema text and body of one segment: the words and slots of a ring, or the content of a page that this build
/// knows. Content of a page of another layout is not looked at; see knows_layout().
Findings verify(const Segment& segment, Taken taken = Taken::in_place, Depth depth = Depth::each_slot);

/// Whether a recording was played into this ring: it has messages, and no writer has ever attached to it.
bool was_played(const Segment& segment);

/// Whether the body is laid out as this build lays it out: always for rings (the schema text has a say of its own), for
/// pages by their hash and size.
bool knows_layout(const Segment& segment);
/// Whether the body is this build's "control", "book" or "metrics" page. A file's name and channel do not prove it.
bool is_page(const Segment& segment, std::string_view page);

/// The cursors of a control page against the rings that they are of: position and losses within what was published. A
/// ring is null when there is none; the rings stay mapped during the call.
Findings verify_cursors(const ControlPage& page, const std::function<const Segment*(std::string_view)>& ring_of);

/// The rest is for the parts of the check.

/// Text in a fixed field: ended by a zero, and zero behind it.
void verify_text(Findings& findings, uint64_t offset, std::string_view field, std::string_view what);
/// Bytes that nobody writes.
void verify_zero(Findings& findings, const Segment& segment, uint64_t offset, uint64_t size, std::string_view what);
void verify_ring(const Segment& segment, Taken taken, Depth depth, Findings& findings);
void verify_page(const Segment& segment, Findings& findings);

}  // namespace of::shm
