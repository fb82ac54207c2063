// Looks at an instance again and again for ofctl top: two looks give rates. Reads shared memory and /proc only, keeps
// working while the instance dies, and takes up a new one of the same name.
#pragma once

#include <map>

#include "supervisor/ofctl/metrics_print.hpp"
#include "supervisor/ofctl/ring_rate.hpp"
#include "supervisor/ofctl/top_view.hpp"

namespace of::ofctl {

class TopLook {
  public:
    explicit TopLook(const Options& options) : options_(options) {}

    /// The instance as it is now; `log_of` names the worker whose log is wanted, or is empty. An error when there is no
    /// such instance (any more).
    Expected<TopView> take(const std::string& log_of);

  private:
    struct Former {
        uint64_t pid = 0;
        int64_t cpu_ns = 0;
        uint64_t messages = 0;
    };
    std::vector<TopWorker> workers(const View& view);
    std::vector<TopRing> rings(const View& view);
    std::vector<TopLatency> latencies(const View& view);

    Options options_;
    int64_t looked_ns_ = 0;
    double seconds_ = 0;  ///< since the former look; 0 at the first
    std::map<std::string, Former> former_;
    std::vector<RingRate> rates_;
    std::vector<PageOf<shm::MetricsPage>> metrics_pages_;  ///< what the snapshots point into
    std::map<std::string, shm::MetricsSnapshot> metrics_;
};

}  // namespace of::ofctl
