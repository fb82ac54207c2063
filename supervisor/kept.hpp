// What a supervisor with `orphans = "keep"` has in the service manager's store, and what its successor finds there: the
// descriptors that make an instance, by name. Everything else that is to be known of the workers stands in the control
// page, which outlives the supervisor as well, so nothing of this has to be written anew while the instance runs.
//
//   state                        a memfd: the configuration's path, the layouts, the generation of each segment
//   config.GENERATION            the text in force
//   lifeline.read, lifeline.write   while the store holds the second one, workers go on
//   bell.SLOT                    the doorbells
//   governor                     its lock on the page of request limits
//   WORKER.INCARNATION.pidfd, .errors, .box
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proto/topology.hpp"
#include "shm/control_page.hpp"
#include "supervisor/descriptor_store.hpp"
#include "supervisor/handover.hpp"
#include "supervisor/instance.hpp"

namespace of::supervisor {

namespace stored_name {
inline constexpr std::string_view state = "state";
inline constexpr std::string_view lifeline[] = {"lifeline.read", "lifeline.write"};
inline constexpr std::string_view governor = "governor";
inline constexpr std::string_view config = "config.";
inline constexpr std::string_view worker_parts[] = {"pidfd", "errors", "box"};
std::string bell(size_t slot);
std::string of_worker(ProcessId worker, uint32_t incarnation, std::string_view part);
}  // namespace stored_name

/// At most, for an instance of so many processes.
constexpr size_t stored_descriptors_max(size_t processes) { return 6 + processes + 3 * (processes - 1); }

/// What must be the same for a supervisor that would go on.
struct KeptState {
    std::string config_path;
    std::string layouts;  ///< hash of layouts_text()
    Generations generations;

    /// A memfd; -1 when there is none to be had.
    int write() const;
    /// Closes it.
    static Expected<KeptState> read(int descriptor);
};

/// Of this program, and of an instance that is open.
KeptState kept_state(const Config& config, const Instance& instance);

/// The descriptors that a dead supervisor has left. Closes those that nobody has taken.
class Kept {
  public:
    explicit Kept(std::vector<StoredDescriptor> stored);
    Kept(const Kept&) = delete;
    ~Kept();

    bool any() const { return !all_.empty(); }
    /// How many had come.
    size_t size() const { return all_.size(); }
    bool has(const std::string& name) const { return left_.contains(name); }
    /// The caller's from now on; -1 if there is none of this name.
    int take(const std::string& name);
    /// With the highest generation: its successor may have come in before it was removed. -1 if there is none.
    std::pair<uint32_t, int> take_config();
    /// What the worker of this slot is and has; without a pidfd if nothing is known of its process.
    Handover::Worker take_worker(ProcessId process, const shm::ProcessSlot& slot);
    /// Removes from the store what nobody has taken.
    void forget_rest(DescriptorStore& store);
    /// Removes from the store all that had come.
    void forget_all(DescriptorStore& store);

  private:
    std::vector<std::string> all_;
    std::multimap<std::string, int> left_;  ///< not taken yet
};

}  // namespace of::supervisor
