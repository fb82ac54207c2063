// The segments of an instance: made anew, or taken over from a supervisor that died.
//
// One living supervisor for an instance: a lock file in the state directory, and the pid in the control page. Segments
// left by a dead one are verified and go on (cursors, correlation epochs and whatever lies in the rings); one that does
// not verify is replaced, with a log line that says what differed. Workers of the dead one are waited for, and ended if
// need be.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "shm/assert.hpp"
#include "shm/control_page.hpp"
#include "shm/segment.hpp"
#include "supervisor/config.hpp"
#include "supervisor/host_governor.hpp"
#include "supervisor/segment_guard.hpp"

namespace of::supervisor {

/// Of each segment, by its name.
using Generations = std::map<std::string, uint64_t>;

/// What a worker says of itself in its present incarnation.
WorkerState own_state(const shm::ProcessSlot& slot);

class Instance {
  public:
    /// Everything in place, or the reason why not (`busy`: another supervisor lives; `no_space`: /dev/shm is full).
    static Expected<std::unique_ptr<Instance>> open(const Config& config);
    /// The same instance again, after execve: `lock` is the lock file, still held, and `governor` the page's, held
    /// until it has been opened anew.
    static Expected<std::unique_ptr<Instance>> resume(const Config& config, int lock, int governor);
    /// The same instance of a supervisor that died, with its workers alive: they have mapped segments of these
    /// generations. `mismatch` if anything is not as it was; nothing has been changed then.
    static Expected<std::unique_ptr<Instance>> take_over(const Config& config, const Generations& known, int governor);
    ~Instance();
    Instance(const Instance&) = delete;

    shm::ControlPage& control() const { return control_->page<shm::ControlPage>(); }
    shm::ProcessSlot& slot(ProcessId process) const;
    const std::vector<ProcessId>& processes() const { return processes_; }
    const std::vector<Channel>& channels() const { return channels_; }
    /// A channel that the supervisor itself writes or reads; those of the data path stay unmapped here. Throws when the
    /// machine refuses a mapping of what was verified a moment ago.
    shm::Segment segment(const Channel& channel) const;

    /// Each of channels() as it was when it was made or verified.
    const std::vector<HeldSegment>& held() const { return held_; }
    /// Of these and of the governor's page.
    Generations generations() const;
    const HeldSegment& held_governor() const { return governor_->held(); }
    /// Makes a broken segment anew, with a new generation; the former one, which its users still have mapped.
    Expected<HeldSegment> remake(size_t channel);
    Expected<void> remake_governor();

    uint64_t total_bytes() const { return total_bytes_; }
    uint64_t adopted_pid() const { return adopted_pid_; }  ///< the dead supervisor's; 0 when all is new
    const std::vector<std::pair<std::string, std::string>>& replaced() const { return replaced_; }  ///< name, why

    /// Descriptors that hold our locks, to be kept across execve.
    int lock_descriptor() const { return lock_fd_; }
    int governor_descriptor() const { return governor_ ? governor_->lock_descriptor() : -1; }

    /// Instead of a run: unlinks what open() has made, and leaves what it has found.
    void abandon();
    /// After an orderly stop: unlinks every segment that is this instance's alone.
    void remove_segments();

  private:
    explicit Instance(const Config& config);
    Expected<void> lock();
    std::optional<shm::Segment> left_control() const;
    Expected<void> refuse_second_supervisor();
    void end_leftovers();
    Expected<void> recognise(const Generations& known);
    Expected<void> open_segments();
    Expected<void> open_governor();
    Expected<HeldSegment> take_or_make(const Channel& channel);
    Expected<HeldSegment> make(const shm::SegmentSpec& wanted);
    void fill_control();
    shm::SegmentSpec spec(const Channel& channel) const;

    Config config_;
    std::vector<ProcessId> processes_;
    std::vector<Channel> channels_;
    std::optional<shm::Segment> control_;
    std::optional<HostGovernor> governor_;
    std::vector<HeldSegment> held_;
    std::vector<std::string> created_;  ///< by this run, to be removed again if it fails
    std::vector<std::pair<std::string, std::string>> replaced_;
    uint64_t total_bytes_ = 0;
    uint64_t adopted_pid_ = 0;
    int lock_fd_ = -1;
};

}  // namespace of::supervisor
