// Starts worker programs as far as their gate: executed, their part of the configuration read and found right, and not
// yet let into the segments. What happens until then costs no time when a successor is needed, or while the segments of
// a new instance are made.
//
// Owns what every worker inherits: the doorbells, the lifeline (a pipe that ends with the supervisor), the programs and
// the cgroups. Used by the supervisor's loop only.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/topology.hpp"
#include "supervisor/cgroups.hpp"
#include "supervisor/child.hpp"
#include "supervisor/config.hpp"
#include "supervisor/handover.hpp"
#include "supervisor/programs.hpp"

namespace of::supervisor {

/// A worker's process on its way in: equipped with all that it will be given, then executed. Ended, and reaped, if
/// nobody lets it in.
class Newcomer {
  public:
    Newcomer() = default;
    Newcomer(SpawnSpec spec, std::array<int, 2> gate, int black_box)
        : spec_(std::move(spec)), gate_(gate[0]), its_gate_(gate[1]), black_box_(black_box) {}
    Newcomer(Newcomer&& other) noexcept { *this = std::move(other); }
    Newcomer& operator=(Newcomer&& other) noexcept;
    ~Newcomer() { dismiss(); }

    bool is_equipped() const { return its_gate_ >= 0; }
    /// Executes it, once it is equipped.
    Expected<void> start();
    bool exists() const { return child_.runs(); }
    pid_t pid() const { return child_.pid(); }
    int pidfd() const { return child_.pidfd(); }
    int errors() const { return child_.errors(); }
    int black_box() const { return black_box_; }
    /// Our end of its gate: readable when it has come there, and when it has ended instead.
    int gate() const { return gate_; }
    /// Its exit code if it has ended by itself: it stays to be reaped.
    std::optional<int> ended_with() const { return child_.peek(); }
    /// Opens the gate. One that has died is handed over as well: its pidfd tells.
    Child let_in();
    /// Where it notes how it crashed (black_box.hpp of the runtime), from now on the caller's; -1 for none.
    int take_black_box() { return std::exchange(black_box_, -1); }
    void dismiss();

  private:
    SpawnSpec spec_;
    Child child_;
    int gate_ = -1;
    int its_gate_ = -1;  ///< until it has it
    int black_box_ = -1;
};

/// What the newcomers of a start have said of the configuration.
enum class Reception : uint8_t {
    all_there,  ///< every one has found it right and waits
    refused,    ///< at least one ends because of it
    unclear,    ///< at least one has not come within the time, or has ended for another reason
};

class Launcher {
  public:
    /// Opens the programs, and makes doorbells and lifeline, or goes on with those of the program before us.
    static Expected<Launcher> open(const Config& config, const std::optional<Handover>& handover = std::nullopt);
    Launcher(Launcher&& other) noexcept;
    Launcher& operator=(Launcher&&) = delete;
    ~Launcher();

    /// All that can be done before there is a process. `generation` is what the worker is told that `text` is.
    Expected<Newcomer> equip(ProcessId process, const Config& config, const ConfigText& text,
                             uint32_t generation) const;
    /// One eventfd for each process, in the order of processes_of().
    const std::vector<int>& bells() const { return bells_; }
    const std::array<int, 2>& lifeline() const { return lifeline_; }
    const Programs& programs() const { return programs_; }
    const Cgroups& cgroups() const { return cgroups_; }
    /// Cgroups::limit, for a process that runs or is to.
    std::vector<std::string> limit(ProcessId process, const CgroupLimits& limits) {
        return cgroups_.limit(name_of(process), limits);
    }

  private:
    Launcher(Programs programs, Cgroups cgroups) : programs_(std::move(programs)), cgroups_(std::move(cgroups)) {}
    std::vector<std::string> arguments(ProcessId process, const Config& config) const;

    Programs programs_;
    Cgroups cgroups_;
    std::vector<int> bells_;
    std::string doorbells_argument_;
    std::array<int, 2> lifeline_{-1, -1};  ///< workers read the first end; nobody ever writes to the second
};

/// Waits until it is clear what became of all of them, for `patience_ms` at most.
Reception receive(std::span<const Newcomer> newcomers, int patience_ms);

}  // namespace of::supervisor
