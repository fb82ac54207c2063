// A named piece of shared memory, /dev/shm/<instance>.<channel>, that explains itself.
//
// The supervisor creates every segment before it starts a worker: blocks reserved with posix_fallocate (a full /dev/shm
// is an error here, not a SIGBUS later), mode 0600. Workers open what the topology names; observers open
// read-only. A segment whose magic, version, hash, size, owner or mode differs is never used; the error says what
// differs.
#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shm/error.hpp"
#include "shm/layout.hpp"

namespace of::shm {

enum class Access : uint8_t { read_only, read_write };

/// What a segment must be. `schema` is the field table of its messages; with `layout` it makes the hash.
struct SegmentSpec {
    std::string instance;
    std::string channel;
    SegmentKind kind = SegmentKind::page;
    uint64_t slots = 0;
    uint32_t slot_bytes = 0;
    uint64_t page_bytes = 0;  ///< of the body, for pages
    std::string schema;
    std::string_view layout;  ///< names the body's layout and its version: "control 1"

    std::string name() const { return instance + "." + channel; }
    uint64_t total_bytes() const;
    uint64_t layout_hash() const;
};

/// The spec of a channel. `page` names the layout of a page ("control", "book", "metrics"); slots = 0 accepts any
/// number when the segment is opened.
SegmentSpec make_spec(std::string_view instance, std::string_view channel, SegmentKind kind, std::string_view page,
                      uint32_t slot_bytes, uint64_t slots, std::string schema);
/// The spec of a kind of page, for tools; nothing for a name that is no page of this build.
std::optional<SegmentSpec> page_spec(std::string_view page);

class Segment {
  public:
    /// Makes it anew. `no_space` when /dev/shm cannot hold it, `busy` when the name exists.
    static Expected<Segment> create(const SegmentSpec& spec);
    /// As create(), for others to open: nothing is mapped, which costs more than all the rest. Returns its header.
    static Expected<std::unique_ptr<const SegmentHeader>> make(const SegmentSpec& spec);
    /// Opens and verifies it against `spec`.
    static Expected<Segment> open(const SegmentSpec& spec, Access access);
    /// Opens whatever is there, for tools: verified only as far as it describes itself. `path` may be a copied file.
    static Expected<Segment> inspect(const std::string& path);

    const SegmentHeader& header() const { return *static_cast<const SegmentHeader*>(region_.get_address()); }
    std::string_view schema() const;
    std::span<std::byte> body() const;

    /// The body as a page struct. The spec's hash has proven that it is one.
    template <typename Page>
    Page& page() const {
        static_assert(std::is_standard_layout_v<Page>);
        return *reinterpret_cast<Page*>(body().data());
    }
    RingLines& lines() const { return page<RingLines>(); }
    std::byte* slots() const { return body().data() + sizeof(RingLines); }

    /// Locks its pages into memory; false where the limit does not allow it.
    bool lock() const;

  private:
    explicit Segment(boost::interprocess::mapped_region region) : region_(std::move(region)) {}
    boost::interprocess::mapped_region region_;
};

/// Whether the process that made a segment still runs: its pid is not free, reused, or of another boot.
bool creator_lives(const SegmentHeader& header);

/// Whether the header describes a ring that can be: a kind of ring, slots and their size within bounds, and exactly so
/// many bytes.
bool describes_ring(const SegmentHeader& header);

/// Names ("<instance>.<channel>") of this instance's segments, sorted; of all instances for an empty name.
std::vector<std::string> list_segments(std::string_view instance);

/// Unlinks the name; who has it mapped keeps it.
bool remove_segment(const std::string& name);

/// Field 22 of /proc/<pid>/stat, or 0 when there is no such process, or none that /proc shows us.
uint64_t process_start(uint64_t pid);
/// Whether the process of that number and start runs. Where /proc hides it (hidepid), its number has to do.
bool process_lives(uint64_t pid, uint64_t start);

}  // namespace of::shm
