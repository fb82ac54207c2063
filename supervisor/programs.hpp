// The worker programs of one installation, opened when the supervisor starts.
//
// Every start of a worker executes the same file that was there then, also after a package upgrade has put another in
// its place; `ofctl upgrade` is what changes over.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "proto/types.hpp"
#include "shm/error.hpp"
#include "supervisor/config.hpp"

namespace of::supervisor {

class Programs {
  public:
    struct Program {
        std::string path;
        int descriptor = -1;
    };

    /// Opens the program of each kind of worker; the error is a sentence for the user.
    static Expected<Programs> open(const Config& config);
    Programs(Programs&& other) noexcept
        : programs_(std::move(other.programs_)), autopsy_(std::exchange(other.autopsy_, {})) {
        other.programs_.clear();
    }
    Programs& operator=(Programs&&) = delete;
    ~Programs();

    /// of-autopsy, which writes post mortems; without a descriptor where it is not installed.
    const Program& autopsy() const { return autopsy_; }
    const Program& of(ProcessKind kind) const { return programs_.at(kind); }

  private:
    Programs() = default;
    std::map<ProcessKind, Program> programs_;
    Program autopsy_;
};

}  // namespace of::supervisor
