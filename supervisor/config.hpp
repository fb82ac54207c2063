// The supervisor's part of the configuration file, and the check of the whole file.
//
// Owns [instance], [supervisor] and what is in it, [rings], [trace] and [breaker]; config_sections.cpp has the keys.
// Relative paths are relative to the file's folder. The sections of the workers are checked by the worker programs
// themselves (`of-X --check-config FILE`), so nobody knows another's keys. What has been accepted is kept as text in a
// memfd: a worker that starts later reads that, whatever has become of the file.
#pragma once

#include <map>
#include <string>

#include "proto/settings.hpp"
#include "proto/topology.hpp"
#include "shm/error.hpp"
#include "supervisor/cgroups.hpp"
#include "supervisor/crew.hpp"
#include "supervisor/post_mortem_settings.hpp"
#include "supervisor/resources.hpp"

namespace of::supervisor {

/// A configuration file's text at one moment, in a memfd that children inherit.
class ConfigText {
  public:
    ConfigText() = default;
    /// The file as it is now; without a descriptor when it cannot be read (read_config then says why).
    explicit ConfigText(const std::string& path);
    /// One that the program which we were before execve has left us.
    static ConfigText adopt(int descriptor);
    ConfigText(ConfigText&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    ConfigText& operator=(ConfigText&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~ConfigText();

    int descriptor() const { return descriptor_; }
    std::string text() const;
    /// Puts a copy into the state directory, config.running (mode 0600), for those who ask what is in force: while the
    /// instance runs, and after its death. Where that cannot be, nobody but them misses it.
    void publish(const std::string& state_dir) const;

  private:
    int descriptor_ = -1;
};

/// What one kind of worker is allowed and given.
struct WorkerConfig {
    MemberSettings member;
    Resources resources;
    CgroupLimits limits;
    std::string sandbox;      ///< "enforce", "audit" or "off"
    std::string finish_hook;  ///< a program to run after each death; empty for none
};

struct Config {
    std::string path;  ///< of the file, absolute
    std::string instance;
    std::string governor;  ///< names the page of request limits that this host's instances share
    std::string state_dir;
    std::string data_dir;
    std::string log_dir;
    std::string bin_dir;  ///< empty: beside this program
    std::string wait;
    bool cgroups = true;
    bool keep_orphans = false;  ///< workers outlive this supervisor, and the next one takes them over
    std::map<ProcessKind, WorkerConfig> workers;
    std::map<ChannelKind, uint64_t> slots;  ///< capacities that differ from the wiring table's
    PostMortemSettings post_mortem;
    uint64_t trace_sample = 0;
    std::string breaker;  ///< the section [breaker], as a worker's --breaker takes it
};

struct CheckedConfig {
    Config config;
    std::vector<settings::Problem> problems;
};

/// Reads the supervisor's sections, from `text` (a descriptor) or the file itself if it is -1; the values are complete
/// even if there are problems.
CheckedConfig read_config(const std::string& path, int text = -1);

/// Problems of the whole file in the order of its lines: the supervisor's own and those that each worker program finds.
/// Fails if a worker program cannot be asked.
Expected<std::vector<settings::Problem>> check_whole_file(const CheckedConfig& checked, int text = -1);

/// of-autopsy, looked for likewise; "" when it is nowhere.
std::string autopsy_program(const Config& config);
/// What a worker program prints when it is run with these arguments, and these descriptors of ours. Waits for its end,
/// 20 s at most.
Expected<std::string> ask_worker(const std::string& program, std::vector<std::string> arguments,
                                 std::vector<int> inherited = {});

/// The program of a worker: in bin_dir, or beside this program, or where the build puts it.
Expected<std::string> worker_program(const Config& config, ProcessKind kind);

}  // namespace of::supervisor
