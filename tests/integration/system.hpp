// The whole system of one run: the stand-in exchange, ofsupervisor with its workers, and the folder that all their
// files are in.
//
// Own folder under $TMPDIR, own instance name, own ports: any number of runs go side by side. The destructor stops what
// still runs, takes away what is left of the instance, and removes the folder unless it is to be kept.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/api_client.hpp"
#include "tests/integration/exchange_client.hpp"
#include "tests/integration/instance_view.hpp"
#include "tests/integration/program.hpp"
#include "tests/integration/run_options.hpp"

namespace of::integration {

class System {
  public:
    static Expected<std::unique_ptr<System>> make(const RunOptions& options);
    ~System();
    System(const System&) = delete;

    Expected<void> start_exchange();
    /// Starts ofsupervisor; does not wait for its workers.
    Expected<void> start_supervisor();
    /// Until all workers run.
    Expected<void> wait_healthy();
    /// Why the run cannot go on, or "": one of the two programs has ended.
    std::string broken();
    /// SIGTERM to the supervisor, which must exit with 0 and leave neither a process nor a segment. What is wrong, a
    /// sentence each.
    std::vector<std::string> stop_supervisor();

    const std::string& instance() const { return instance_; }
    const std::string& folder() const { return folder_; }
    std::string data_dir() const { return folder_ + "/data"; }
    const ExchangeClient& exchange() const { return *exchange_client_; }
    const ApiClient& api() const { return *api_; }
    const InstanceView& view() const { return *view_; }
    uint64_t supervisor_pid() const { return supervisor_ ? static_cast<uint64_t>(supervisor_->pid()) : 0; }
    /// Notes who runs just now, so that all of them can be looked for after the stop.
    void note_processes();

  private:
    explicit System(const RunOptions& options) : options_(options) {}
    Expected<void> prepare();
    Expected<void> write_config();
    std::vector<std::string> exchange_arguments() const;
    std::vector<std::string> leftovers() const;
    void clear();

    const RunOptions& options_;
    std::string instance_;
    std::string folder_;
    std::optional<Program> exchange_;
    std::optional<Program> supervisor_;
    std::optional<ExchangeClient> exchange_client_;
    std::optional<ApiClient> api_;
    std::optional<InstanceView> view_;
    std::map<uint64_t, std::pair<uint64_t, std::string>> seen_;  ///< pid: start time, name
};

}  // namespace of::integration
