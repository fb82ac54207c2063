// The folder of post mortem bundles, <state_dir>/postmortem: how bundles are named, listed, read and thinned out.
//
// A bundle is a folder of its own, of plain files (POSTMORTEM.md has the list). It is written under a name that begins
// with a dot and renamed when it is whole, so who lists never sees half of one. Written by of-autopsy alone; ofctl
// reads, and removes what it is told to.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "shm/error.hpp"
#include "supervisor/autopsy/facts.hpp"

namespace of::autopsy {

inline constexpr std::string_view facts_file = "facts";
inline constexpr std::string_view log_file = "log.txt";
inline constexpr std::string_view stack_file = "stack.txt";
/// Of a file that is read whole; a longer one is damaged or a trap.
inline constexpr size_t text_bytes_max = 4 << 20;

/// "<state_dir>/postmortem"
std::string bundles_folder(const std::string& state_dir);
/// "20261125T002612.345Z-storage-3": in the order of time, unique for one instance.
std::string bundle_id(int64_t wall_ns, std::string_view worker, uint64_t incarnation);
/// Whether a name could be one: what a user types must not lead out of the folder.
bool is_bundle_id(std::string_view name);

struct BundleSize {
    std::string id;
    uint64_t bytes = 0;  ///< on the disk
};
/// All whole bundles, the oldest first.
std::vector<BundleSize> list_bundles(const std::string& folder);
/// Which of them to remove, the oldest first, so that at most `keep` of at most `bytes_max` in all are left. The newest
/// always stays.
std::vector<std::string> superfluous(std::span<const BundleSize> oldest_first, size_t keep, uint64_t bytes_max);
Expected<void> remove_bundle(const std::string& folder, const std::string& id);
/// Bundles that were never finished: their writer is gone.
void remove_unfinished(const std::string& folder);

Expected<Facts> read_facts(const std::string& folder, const std::string& id);
/// A text file of a bundle; "" when it has none.
std::string read_text(const std::string& path);
/// Of an open file, from its beginning.
std::string read_text(int file);

}  // namespace of::autopsy
