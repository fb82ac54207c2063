// Kills processes of an instance while its market plays, and remembers whom.
//
// Victims are taken one after another, or at random from a printed seed. One that has no pid just then is waited for.
// Owned by the run's thread; time is an argument.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "tests/integration/instance_view.hpp"
#include "tests/integration/run_options.hpp"

namespace of::integration {

struct Kill {
    std::string victim;
    uint64_t pid;
    int64_t at_ns;  ///< CLOCK_MONOTONIC
};

class Killer {
  public:
    explicit Killer(const RunOptions& options) : options_(options), random_(options.seed) {}

    /// The first kill is due one interval after `now_ns`.
    void start(int64_t now_ns);
    /// Sends SIGKILL if one is due. `supervisor_pid` is the victim "supervisor". True when it did.
    bool poll(const InstanceView& view, uint64_t supervisor_pid, int64_t now_ns);
    const std::vector<Kill>& kills() const { return kills_; }

  private:
    void plan_next(int64_t now_ns);
    std::string choose();
    static uint64_t pid_of(const InstanceView& view, const std::string& victim);

    const RunOptions& options_;
    std::mt19937_64 random_;
    std::vector<Kill> kills_;
    std::string victim_;
    int64_t due_ns_ = 0;
};

}  // namespace of::integration
