// Post mortems as the supervisor sees them to it: for each death it collects what only it knows, and sends of-autopsy
// out to do the rest (supervisor/autopsy). Never reads a ring itself, never waits, and begins when the successor has
// had time to be ready.
//
// One bundle for each worker and second at most: a crash loop is told in the log, not on the disk. What was not written
// is counted in the next bundle and is a line in the log.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "supervisor/autopsy/facts.hpp"
#include "supervisor/errands.hpp"
#include "supervisor/post_mortem_settings.hpp"
#include "supervisor/programs.hpp"

namespace of::supervisor {

/// At most one in each `gap_ns` for each name. Pure.
class Pace {
  public:
    static constexpr int64_t gap_ns = 1'000'000'000;

    /// Whether this one is to be; else it is counted.
    bool take(const std::string& name, int64_t now_ns);
    /// Those that were not to be since the last one that was; taken from the count.
    uint64_t take_skipped(const std::string& name) { return std::exchange(skipped_[name], 0); }
    void skip(const std::string& name) { ++skipped_[name]; }

  private:
    std::map<std::string, int64_t> last_ns_;
    std::map<std::string, uint64_t> skipped_;
};

/// A sealed memfd for one incarnation's crash (shm/black_box.hpp); -1 when there is none to be had.
int make_black_box();

class PostMortem {
  public:
    struct Told {
        std::function<void(const std::string& worker, const std::string& id, uint64_t bytes)> written;
        std::function<void(const std::string& worker, const std::string& why)> failed;
    };
    /// `program` is of-autopsy; without a descriptor nothing is ever written.
    PostMortem(boost::asio::io_context& io, Programs::Program program, Told told);

    void change(const PostMortemSettings& settings) { settings_ = settings; }
    bool available() const { return program_.descriptor >= 0; }

    /// Takes over `black_box` (-1 for none). `live_stack` is one that was taken while it hung.
    void write(autopsy::Facts facts, int black_box, const std::string& live_stack, int64_t now_ns);
    /// The stacks of a process that lives, as text; "" when they are not to be had.
    void stack_of(pid_t pid, uint64_t start_time, int seconds_max, std::function<void(const std::string&)> then);

    bool idle() const { return bundles_.idle() && stacks_.idle(); }
    /// Programs that are no strangers.
    std::vector<pid_t> pids() const { return {bundles_.pid(), stacks_.pid()}; }

  private:
    void answered(const std::string& worker, int exit_code, const std::string& output);

    Programs::Program program_;
    Told told_;
    PostMortemSettings settings_;
    Pace pace_;
    uint64_t host_oom_kills_;  ///< as last seen
    Errands bundles_;
    Errands stacks_;
};

}  // namespace of::supervisor
